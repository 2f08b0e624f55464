"""What is planted is found, what is not is not, and what can't be estimated has a reason and no number."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import special

from lifthouse.causal.propensity import assign_folds, cross_fit
from lifthouse.causal.weighting import ipw, share_without_counterpart
from lifthouse.results.covariate_balance import covariate_balance
from lifthouse.results.propensities import SCHEMA, Pair, causal_pairs, propensity_scores
from lifthouse.results.refutations import refutations
from lifthouse.results.treatment_effects import estimators_of, treatment_effects

PAIR = Pair("chosen", "without", "with", None)
METRICS = pd.DataFrame({"experiment_id": ["chosen"], "metric_name": ["earned"], "is_proportion": [False]})
DIFFERENCE = 1.5
# An estimate to refute, as `fct_treatment_effects` has it, by learners that cost little time.
LINEAR = pd.DataFrame(
    {
        **{"experiment_id": ["chosen"], "metric_name": "earned", "treatment_variant_id": "with", "estimand": "ate"},
        **{"estimator": "aipw", "population": "all", "dimension": "all", "segment": "all", "reason": None},
        **{"propensity_learner": "logistic", "outcome_learner": "linear/linear"},
    }
)


def units(seed=0, size=3000, *, hidden=0.0, effect=DIFFERENCE):
    """Covariates, arms and outcomes; `hidden` is the strength of a confounder that the table does not have."""
    random = np.random.default_rng(seed)
    age, unseen = random.normal(size=size), random.normal(size=size)
    town = random.choice(["north", "south"], size)
    chance = 1 / (1 + np.exp(-0.6 * age - 0.4 * (town == "north") - hidden * unseen))
    treated = random.random(size) < chance
    earned = 2 * age + (town == "north") + hidden * unseen + effect * treated + random.normal(size=size)
    names = [f"u{number}" for number in range(size)]
    table = pa.table(
        {
            "experiment_id": ["chosen"] * size,
            "unit_id": names,
            "variant_id": np.where(treated, "with", "without"),
            "age": age,
            "town": town,
            "pre_earned": 2 * age + random.normal(size=size),
        }
    )
    return table, pd.DataFrame({"metric_name": "earned", "unit_id": names, "value": earned, "days_followed": 14.0})


def scored(table, pair=PAIR):
    """Score and join, as the models do in SQL."""

    def batches(_pair, names):
        return table.select(["experiment_id", "unit_id", "variant_id", *names]).to_batches(1000)

    scores = pa.Table.from_batches(propensity_scores([pair], lambda _: table, batches), SCHEMA)
    beside = scores.select(["unit_id", "propensity", "fold", "is_trimmed", "learner"]).append_column(
        "score_reason", scores["reason"]
    )
    return scores, table.join(beside, "unit_id").sort_by("unit_id")


def towns_of(sample):
    return sample["town"].to_pylist() if "town" in sample.column_names else [None] * len(sample)


def found(table, outcomes, pair=PAIR, estimand="ate"):
    """Effects and refutations by name; all units were followed for as long, unless the outcomes say otherwise."""
    outcomes = outcomes.assign(days_followed=outcomes.get("days_followed", 14.0))
    _, sample = scored(table, pair)
    towns = pd.DataFrame({"unit_id": sample["unit_id"].to_pylist(), "town": towns_of(sample)})
    effects = treatment_effects([pair], lambda _: sample, lambda *_: outcomes, lambda *_: towns, METRICS)
    refuted = refutations([pair], lambda _: sample, lambda *_: outcomes, effects, METRICS, estimand=estimand)
    return effects, refuted.set_index("refuter")


def test_effect_and_refuters_of_honest_data():
    effects, refuted = found(*units())
    robust = effects[(effects["estimator"] != "difference_in_means") & (effects["population"] == "all")]
    assert set(robust["segment"]) == {"all", "north", "south"}
    assert (np.abs(robust["estimate"] - DIFFERENCE) < 4 * robust["standard_error"]).all()
    naive = effects[effects["estimator"] == "difference_in_means"].iloc[0]
    assert naive["ci_lower"] > DIFFERENCE
    assert refuted.drop(["robustness_value", "follow_up"])["verdict"].eq("pass").all()
    assert refuted.loc["follow_up", ["verdict", "reason"]].tolist() == [
        "not_applicable",
        "all units were followed for as long",
    ]
    of_bound, of_estimate = map(float, re.findall(r"of (\d+\.\d+)", refuted.loc["e_value", "reason"]))
    assert of_bound < of_estimate == pytest.approx(refuted.loc["e_value", "statistic"], abs=0.005)


def test_overlap_is_of_the_scores_that_the_estimate_rests_on():
    """Of few units with heavy tails: scores that have seen them overlap three times as much as those that have not."""
    random = np.random.default_rng(4)
    spent = random.standard_t(2, (300, 4))
    treated = random.random(300) < 1 / (1 + np.exp(-spent.sum(axis=1)))
    names = [f"u{number}" for number in range(300)]
    table = pa.table(
        {"experiment_id": ["chosen"] * 300, "unit_id": names, "variant_id": np.where(treated, "with", "without")}
    )
    for at in range(4):
        table = table.append_column(f"spent_{at}", pa.array(spent[:, at]))
    earned = spent.sum(axis=1) + treated + random.normal(size=300)
    effects, refuted = found(table, pd.DataFrame({"metric_name": "earned", "unit_id": names, "value": earned}))
    robust = effects.query("estimator == 'aipw' and estimand == 'ate' and population == 'all' and segment == 'all'")
    smaller = min(treated.sum(), (~treated).sum())
    share = robust["effective_sample_size"].item() / smaller
    assert refuted.loc["overlap", ["verdict", "statistic"]].tolist() == ["fail", pytest.approx(share)]
    assert share < 0.1 < 0.2 < ipw(spent, treated, earned, "ate").effective_sample_size / smaller


@pytest.mark.parametrize(("region", "verdict"), [(0.2, "fail"), (0.06, "warn"), (0.0, "pass")])
def test_overlap_sees_a_kind_of_unit_that_is_always_treated(region, verdict):
    """Its weights are all one, so that the effective sample size does not."""
    table, outcomes = units()
    always = np.arange(len(table)) % 100 < 100 * region
    treated = np.where(always, "with", table["variant_id"].to_pylist())
    table = table.set_column(table.column_names.index("variant_id"), "variant_id", pa.array(treated))
    table = table.append_column("region", pa.array(np.where(always, "island", "mainland")))
    _, refuted = found(table, outcomes)
    overlap = refuted.loc["overlap"]
    assert overlap["verdict"] == verdict
    assert overlap["statistic"] > 0.5
    alone = float(re.search(r"(\d+\.\d)% of those whose effect it is are like nobody", overlap["reason"])[1])
    assert 100 * region - 0.05 <= alone < 100 * region + 0.5


@pytest.mark.parametrize(("size", "few"), [(2000, 40), (20_000, 60)])
def test_a_rare_arm_is_no_lack_of_overlap(size, few):
    """By true scores: nobody is certain to be in either arm, though the few leave large gaps between their scores."""
    for seed in range(50):
        random = np.random.default_rng(seed)
        likes = 0.7 * random.normal(size=size)
        treated = np.zeros(size, dtype=bool)
        treated[random.choice(size, few, replace=False, p=np.exp(likes) / np.exp(likes).sum())] = True
        scores = special.expit(np.log(few / size) + likes - 0.7**2 / 2)
        assert share_without_counterpart(scores, treated, "ate") < 0.04
        # A kind of unit that is never treated has no counterpart, however rare the treated are.
        never = ~treated & (np.arange(size) % 5 == 0)
        assert share_without_counterpart(np.where(never, 1e-6, scores), treated, "ate") == pytest.approx(0.2, abs=0.02)


def test_placebos_centre_on_zero():
    tries = [found(*units(seed, 800))[1].loc[["placebo_treatment", "dummy_outcome"]] for seed in range(8)]
    for name in ("placebo_treatment", "dummy_outcome"):
        statistics = np.array([attempt.loc[name, "statistic"] for attempt in tries])
        assert abs(statistics.mean()) < 3.3 / np.sqrt(len(tries))
        assert sum(attempt.loc[name, "verdict"] == "fail" for attempt in tries) <= 1


def refuted_of_a_rare_arm(kind, seed):
    """Refuters and verdicts of forty units of 2,000; learners are linear, to save time."""
    random = np.random.default_rng(seed)
    age, wealth = random.normal(size=(2, 2000))
    treated = random.random(2000) < special.expit(np.log(40 / 1960) + 0.5 * age)
    skewed = age + treated + random.lognormal(0, 1.5, 2000)
    outcome = skewed if kind == "skewed" else (random.random(2000) < 0.03).astype(float)
    design, folds = np.column_stack([age, wealth]), assign_folds(treated, seed=PAIR.seed)
    scores = cross_fit(design, treated, folds, seed=PAIR.seed, learners=("logistic",)).scores
    names = [f"u{number}" for number in range(2000)]
    table = pa.table(
        {
            **{"experiment_id": ["chosen"] * 2000, "unit_id": names},
            **{"variant_id": np.where(treated, "with", "without"), "age": age, "wealth": wealth},
            **{"propensity": scores, "fold": folds, "is_trimmed": [False] * 2000},
            **{"learner": ["logistic"] * 2000, "score_reason": pa.nulls(2000, pa.string())},
        }
    )
    values = pd.DataFrame({"metric_name": "earned", "unit_id": names, "value": outcome, "days_followed": 14.0})
    rows = refutations([PAIR], lambda _: table, lambda *_: values, LINEAR, METRICS)
    return list(zip(rows["refuter"], rows["verdict"], strict=True))


@pytest.mark.parametrize("kind", ["skewed", "rare"])
def test_sound_estimates_of_a_rare_arm_are_not_refuted(kind):
    """Few units tell little of the spread of what is skewed or rare."""
    verdicts = [verdict for seed in range(74, 99) for verdict in refuted_of_a_rare_arm(kind, seed)]
    # Each fails in one of a hundred.
    for refuter in ("placebo_treatment", "dummy_outcome", "random_common_cause", "data_subset"):
        assert verdicts.count((refuter, "fail")) <= 1
        assert verdicts.count((refuter, "pass")) >= 20


def test_a_planted_hidden_confounder_is_caught():
    """No effect at all, and a confounder that nobody recorded: the effect that is found does not survive."""
    table, outcomes = units(hidden=0.6, effect=0.0)
    # The past would stand in for age, and benchmarks look at one covariate beside all others.
    effects, refuted = found(table.drop_columns(["pre_earned"]), outcomes)
    aipw = effects.query("estimator == 'aipw' and estimand == 'ate' and population == 'all' and segment == 'all'").iloc[
        0
    ]
    assert aipw["ci_lower"] > 0
    assert refuted.loc["robustness_value", "verdict"] == "warn"
    # One as strong as the strongest that was recorded would do, and the planted one is.
    assert refuted.loc["robustness_value", "refuted_estimate"] < 0
    assert refuted.loc["robustness_value", "statistic"] < 0.5


@pytest.mark.parametrize("estimand", ["ate", "att", "ato"])
def test_an_effect_that_differs_by_segment_is_told(estimand):
    table, outcomes = units()
    north = np.array(table["town"].to_pylist()) == "north"
    treated = np.array(table["variant_id"].to_pylist()) == "with"
    differing = outcomes.assign(value=outcomes["value"] + 1.0 * (north & treated))
    effects, refuted = found(table, differing, estimand=estimand)
    by_town = effects.query("segment != 'all' and estimand == @estimand").set_index("segment")
    for town, expected in (("north", DIFFERENCE + 1), ("south", DIFFERENCE)):
        assert by_town.loc[town, "ci_lower"] < expected < by_town.loc[town, "ci_upper"]
    assert refuted.loc["heterogeneity", "verdict"] == "warn"
    assert refuted.loc["heterogeneity", "reason"].startswith("the effect differs by town")


def test_a_past_that_differs_is_a_warning():
    """The metric's past depends on what drove the choice, and no covariate tells of it."""
    table, outcomes = units()
    treated = np.array(table["variant_id"].to_pylist()) == "with"
    past = pa.array(table["pre_earned"].to_numpy() + treated)
    changed = table.set_column(table.schema.get_field_index("pre_earned"), "pre_earned", past)
    assert found(changed, outcomes)[1].loc["negative_control", "verdict"] == "warn"


def test_a_past_beside_nothing_else_is_no_negative_control():
    """What marks its gaps is of the past too."""
    table, outcomes = units(size=800)
    past = pa.array(table["pre_earned"].to_numpy(), mask=np.arange(800) % 7 == 0)
    alone = table.select(["experiment_id", "unit_id", "variant_id"]).append_column("pre_earned", past)
    row = found(alone, outcomes)[1].loc["negative_control"]
    assert row[["verdict", "reason"]].tolist() == ["not_applicable", "the metric has no past among the covariates"]


def test_covariates_that_are_constant_among_units_with_a_value():
    """Those who came to the new country, and have a past, are those whose value is not known yet."""
    table, outcomes = units(size=1500)
    random = np.random.default_rng(1)
    late = random.random(1500) < 0.3
    past = np.where(late, random.normal(size=1500), 3.7)
    table = table.set_column(table.schema.get_field_index("pre_earned"), "pre_earned", pa.array(past))
    known = outcomes[~late]
    without = found(table, known)[1]
    table = table.append_column("country", pa.array(np.where(late & (random.random(1500) < 0.6), "new", "old")))
    refuted = found(table, known)[1]
    assert refuted.loc["negative_control", ["verdict", "reason"]].tolist() == ["not_applicable", "constant_outcome"]
    strength = refuted.loc["robustness_value"]
    assert strength["verdict"] == "pass"
    assert strength["reason"].startswith("a confounder as strong as age brings it to")
    numbers = ["refuted_estimate", "statistic"]
    np.testing.assert_allclose(
        strength[numbers].astype(float), without.loc["robustness_value", numbers].astype(float), rtol=1e-9
    )


def test_an_effect_beyond_all_spread_is_no_crash():
    table, outcomes = units(size=600)
    treated = np.array(table["variant_id"].to_pylist()) == "with"
    far = outcomes.assign(value=20 - 10 * treated + 0.005 * np.random.default_rng(7).normal(size=600))
    row = found(table, far)[1].loc["e_value"]
    assert row[["verdict", "reason"]].tolist() == ["not_applicable", "it is not defined for these values"]


def test_scores_of_units_not_fitted_and_of_several_arms():
    table, _ = units(size=1000)
    three = pa.concat_tables([table, units(1, 400)[0]])
    three = three.set_column(1, "unit_id", pa.array([f"u{number}" for number in range(1400)]))
    other = np.where(np.arange(1400) >= 1000, "another", three["variant_id"].to_numpy(zero_copy_only=False))
    three = three.set_column(2, "variant_id", pa.array(other))
    experiments = pd.DataFrame({"experiment_id": ["chosen"], "assignment": ["observational"]})
    variants = pd.DataFrame(
        {
            "experiment_id": "chosen",
            "variant_id": ["without", "with", "another"],
            "is_control": [True, False, False],
        }
    )
    blocked = pd.DataFrame({"experiment_id": [], "reason": []})
    pairs = causal_pairs(experiments, variants, blocked)

    def of_pair(pair):
        return three.filter(pa.compute.is_in(three["variant_id"], pa.array([pair.control, pair.treatment])))

    asked = []

    def fitted_units(pair):
        asked.append(pair)
        return of_pair(pair).slice(0, 600)

    batches = propensity_scores(pairs, fitted_units, lambda pair, _: of_pair(pair).to_batches())
    first = next(batches)
    assert asked == pairs[:1]  # only one pair at a time is in memory
    scores = pa.Table.from_batches([first, *batches], SCHEMA).to_pandas()
    assert scores.groupby("treatment_variant_id").size().to_dict() == {
        pair.treatment: of_pair(pair).num_rows for pair in pairs
    }
    assert scores.groupby("treatment_variant_id")["fold"].count().tolist() == [600, 600]
    assert scores["propensity"].between(0, 1).all()
    means = scores.groupby(["treatment_variant_id", "variant_id"])[["weight_ate", "weight_att", "weight_ato"]].mean()
    np.testing.assert_allclose(means, 1)


def with_reason(case):
    table, outcomes = units(size=600)
    variant = table.schema.get_field_index("variant_id")
    if case == "one_arm":
        table = table.set_column(variant, "variant_id", pa.array(["with"] * 600))
    elif case == "too_few_units":
        table = table.set_column(variant, "variant_id", pa.array(["with"] * 5 + ["without"] * 595))
    elif case == "no_covariates":
        table = table.select(["experiment_id", "unit_id", "variant_id"]).append_column("same", pa.array([1.0] * 600))
    elif case == "fewer_units_than_covariates":
        random = np.random.default_rng(0)
        for number in range(300):
            table = table.append_column(f"x{number}", pa.array(random.normal(size=600)))
    elif case == "no_overlap":
        age = table["age"].to_numpy()
        table = table.set_column(variant, "variant_id", pa.array(np.where(age > 0, "with", "without")))
    elif case == "constant_outcome":
        outcomes = outcomes.assign(value=1.0)
    elif case == "zero_variance":
        outcomes = outcomes.assign(value=np.where(np.array(table["variant_id"].to_pylist()) == "with", 2.5, 1.0))
    elif case == "no_unit_values":
        outcomes = outcomes.iloc[:0]
    return table, outcomes


@pytest.mark.parametrize(
    "case",
    [
        "one_arm",
        "too_few_units",
        "no_covariates",
        "fewer_units_than_covariates",
        "no_overlap",
        "constant_outcome",
        "zero_variance",
        "no_unit_values",
    ],
)
def test_what_can_not_be_estimated_has_a_reason_and_no_number(case):
    table, outcomes = with_reason(case)
    effects, refuted = found(table, outcomes)
    everything = effects[(effects["population"] == "all") & (effects["segment"] == "all")]
    assert len(everything) == sum(len(estimators_of(estimand)) for estimand in ("ate", "att", "ato"))
    assert set(everything["reason"]) == {case}
    assert everything[["estimate", "standard_error", "ci_lower", "ci_upper", "p_value"]].isna().all().all()
    assert "not_applicable" in set(refuted["verdict"])


def test_a_sample_too_small_to_refute_from_has_a_reason():
    """The estimate is from all units, refuters from some of them, in which an arm or a metric may be rare."""
    table, outcomes = units(size=1500)
    _, sample = scored(table)
    towns = pd.DataFrame({"unit_id": sample["unit_id"].to_pylist()})
    effects = treatment_effects([PAIR], lambda _: sample, lambda *_: outcomes, lambda *_: towns, METRICS)
    treated = np.array(sample["variant_id"].to_pylist()) == "with"
    rare = sample.filter(pa.array(~treated | (np.cumsum(treated) <= 10)))

    refuted = refutations([PAIR], lambda _: rare, lambda *_: outcomes, effects, METRICS)
    assert refuted[["metric_name", "verdict", "reason"]].to_numpy().tolist() == [
        ["all", "not_applicable", "too_few_units"]
    ]
    rarely_known = outcomes[outcomes["unit_id"].isin(rare["unit_id"].to_pylist())]
    refuted = refutations([PAIR], lambda _: sample, lambda *_: rarely_known, effects, METRICS)
    of_metric = refuted[(refuted["metric_name"] == "earned") & (refuted["refuter"] != "heterogeneity")]
    assert of_metric[["verdict", "reason"]].to_numpy().tolist() == [["not_applicable", "too_few_units"]]


def test_segments_are_of_the_units_whose_value_is_known():
    table, outcomes = units(size=1500)
    unknown = outcomes.assign(value=outcomes["value"].where(outcomes.index % 10 > 0))
    effects, _ = found(table, unknown)
    counted = effects.query("estimator == 'aipw' and estimand == 'ate' and population == 'all'").set_index("segment")
    sizes = counted["count_control"] + counted["count_treatment"]
    assert sizes["all"] == sizes["north"] + sizes["south"] == 1350


def test_scores_that_are_all_the_same_have_no_calibration():
    table, outcomes = units(size=1500)
    effects, _ = found(table, outcomes)
    _, sample = scored(table)
    same = sample.set_column(sample.schema.get_field_index("propensity"), "propensity", pa.array([0.5] * 1500))
    refuted = refutations([PAIR], lambda _: same, lambda *_: outcomes, effects, METRICS).set_index("refuter")
    assert refuted.loc["calibration", ["verdict", "reason"]].tolist() == [
        "not_applicable",
        "scores hardly differ between units",
    ]


def balance_of(table):
    _, sample = scored(table)
    return covariate_balance([PAIR], lambda _: sample)


def test_balance_of_a_covariate_that_is_constant_in_an_arm():
    """Everybody on the island is treated, so control's variance is 0; trimmed, nobody there is left in either arm."""
    random = np.random.default_rng(0)
    island, age = random.random(3000) < 0.55, random.normal(size=3000)
    treated = island | (random.random(3000) < 1 / (1 + np.exp(-age)))
    table = pa.table(
        {
            "experiment_id": ["chosen"] * 3000,
            "unit_id": [f"u{number}" for number in range(3000)],
            "variant_id": np.where(treated, "with", "without"),
            "age": age,
            "region": np.where(island, "island", "mainland"),
        }
    )
    of_region = balance_of(table).query("covariate.str.startswith('region')").set_index(["population", "weighting"])
    everybody, trimmed = of_region.loc["all"], of_region.loc["trimmed"]
    assert everybody["mean_control"].eq(1).all()
    assert everybody["variance_ratio"].isna().all()
    share = np.mean(~island[treated])
    assert everybody.loc["none", "standardised_difference"] == pytest.approx(
        (share - 1) / np.sqrt(share * (1 - share) * treated.sum() / (treated.sum() - 1) / 2), rel=1e-9
    )
    assert everybody.loc["matched_att", ["mean_treatment", "standardised_difference", "is_balanced"]].tolist() == [
        1,
        0,
        True,
    ]
    assert trimmed["reason"].eq("zero_variance").all()
    assert trimmed[["mean_control", "mean_treatment"]].eq(1).all().all()
    assert trimmed[["standardised_difference", "variance_ratio", "is_balanced"]].isna().all().all()


def test_a_covariate_that_the_arm_alone_decides_is_not_balanced():
    table, _ = units(size=600)
    switched = [variant == "with" for variant in table["variant_id"].to_pylist()]
    found = balance_of(table.append_column("switched", pa.array(switched))).query("covariate == 'switched'")
    assert found["reason"].eq("zero_variance").all()
    assert found[["standardised_difference", "variance_ratio"]].isna().all().all()
    assert found["is_balanced"].eq(False).all()
    np.testing.assert_allclose(found["mean_control"], 0, atol=1e-15)
    np.testing.assert_allclose(found["mean_treatment"], 1, rtol=1e-15)


@pytest.mark.parametrize(("size", "drives"), [(2000, 0.0), (2000, 0.05), (400, 0.4)])
def test_scores_by_which_hardly_anything_can_be_told_are_not_suspected(size, drives):
    """Of an assignment as good as random out-of-fold scores lean to the wrong side; of few units the slope is noise."""
    warnings = 0
    for seed in range(20):
        random = np.random.default_rng([seed, 77])
        design = random.normal(size=(size, 5))
        treated = random.random(size) < special.expit(drives * design[:, 0])
        folds = assign_folds(treated, seed=seed)
        scores = cross_fit(design, treated, folds, seed=seed, learners=("logistic",)).scores
        warnings += calibration_of(scores, treated)["verdict"] == "warn"
    assert warnings <= 1


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, "pass"), (2.0, "warn"), (0.5, "warn")])
def test_scores_that_are_too_bold_or_too_timid_are_told(factor, verdict):
    random = np.random.default_rng(8)
    logits = random.normal(size=3000)
    treated = random.random(3000) < special.expit(logits)
    found = calibration_of(special.expit(factor * logits), treated)
    assert found["verdict"] == verdict
    assert found["statistic"] == pytest.approx(1 / factor, rel=0.1)


def calibration_of(scores, treated):
    names = [f"u{number}" for number in range(len(scores))]
    table = pa.table(
        {
            **{"experiment_id": ["chosen"] * len(scores), "unit_id": names},
            **{"variant_id": np.where(treated, "with", "without"), "age": np.arange(len(scores))},
            **{"propensity": scores, "fold": np.arange(len(scores)) % 5, "is_trimmed": [False] * len(scores)},
            **{"learner": ["logistic"] * len(scores), "score_reason": pa.nulls(len(scores), pa.string())},
        }
    )
    nothing = pd.DataFrame({"metric_name": [], "unit_id": [], "value": [], "days_followed": []})
    rows = refutations([PAIR], lambda _: table, lambda *_: nothing, LINEAR.iloc[:0], METRICS)
    return rows.set_index("refuter").loc["calibration"]


def test_blocked_experiments_show_nothing():
    table, outcomes = units(size=600)
    pair = Pair("chosen", "without", "with", "blocked: broken")
    scores, sample = scored(table, pair)
    assert set(scores["reason"].to_pylist()) == {"blocked: broken"}
    effects, refuted = found(table, outcomes, pair)
    assert set(effects["reason"]) == {"blocked: broken"}
    assert refuted["verdict"].tolist() == ["not_applicable"]
    assert covariate_balance([pair], lambda _: sample)["reason"].tolist() == ["blocked: broken"]


def test_an_experiment_named_besides_has_pairs():
    experiments = pd.DataFrame({"experiment_id": ["a"], "assignment": ["randomised"]})
    variants = pd.DataFrame({"experiment_id": ["a", "a"], "variant_id": ["c", "t"], "is_control": [True, False]})
    blocked = pd.DataFrame({"experiment_id": [], "reason": []})
    assert causal_pairs(experiments, variants, blocked) == []
    assert causal_pairs(experiments, variants, blocked, also=["a"]) == [Pair("a", "c", "t", None)]
