"""What is planted is found, what is not is not, and what can't be estimated has a reason and no number."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from lifthouse.results.covariate_balance import covariate_balance
from lifthouse.results.propensities import SCHEMA, Pair, causal_pairs, propensity_scores
from lifthouse.results.refutations import refutations
from lifthouse.results.treatment_effects import estimators_of, treatment_effects
from tests.causal.chosen_units import DIFFERENCE, METRICS, PAIR, found, scored, units


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
