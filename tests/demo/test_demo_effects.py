"""The data show the planted effects, within sampling error computed from the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from demo_dataset import USERS, Query

from lifthouse.demo.saas_truth import RATE_SHAPE, Traits, population, solve_saas_rates
from lifthouse.demo.shop_effects import METRICS as SHOP_METRICS
from lifthouse.demo.shop_truth import CELL_SHARE, EXPOSED, solve_rates

MOST_STANDARD_ERRORS = 4.5

_SHOP_UNITS = """
select units.*, users.device, price_sensitivity >= 0.5 and loyalty_tier in ('silver', 'gold') as persuadable,
    if(units.exposed_at < timestamp '2026-03-20', '1', '2') as phase,
    1 as users,
    count(*) filter (event_type = 'impression') as impressions,
    count(*) filter (event_type = 'click') as clicks,
    count(*) filter (event_type = 'add_to_cart') as carts,
    count(*) filter (event_type = 'page_load') as sessions,
    coalesce(sum(page_load_ms), 0) as load_ms,
    (count(*) filter (event_type = 'purchase') > 0)::int as converted,
    coalesce(sum(revenue), 0) as revenue
from units
inner join users using (user_id)
inner join clean_events on clean_events.user_id = units.user_id
    and occurred_at >= exposed_at and occurred_at < timestamp '2026-03-30'
where business = 'shop'
group by all
"""

_SAAS_UNITS = """
select units.*, baseline_productivity, churn_risk, tenure_days,
    baseline_productivity < 55 and churn_risk > 0.35 and tenure_days < 600 as responsive,
    exposed_at + interval 28 day <= timestamp '2026-04-01' as mature,
    coalesce(sum(revenue) filter (occurred_at >= exposed_at), 0) as revenue_per_user,
    count(*) filter (event_type = 'task' and occurred_at >= exposed_at) as tasks_per_user,
    (count(*) filter (
        occurred_at >= exposed_at + interval 21 day and occurred_at < exposed_at + interval 28 day
    ) > 0)::int as retention_d21,
    coalesce(sum(revenue) filter (occurred_at < timestamp '2026-03-02'), 0) as revenue_before
from units
inner join users using (user_id)
inner join clean_events on clean_events.user_id = units.user_id
where business = 'saas'
group by all
"""


@pytest.fixture(scope="module")
def shop(query: Query) -> pd.DataFrame:
    units = query(_SHOP_UNITS)
    units["platform"] = np.where(units["device"] == "desktop", "desktop", "mobile")
    units["persuadable"] = np.where(units["persuadable"], "true", "false")
    return units


@pytest.fixture(scope="module")
def saas(query: Query) -> pd.DataFrame:
    units = query(_SAAS_UNITS)
    units["responsive"] = np.where(units["responsive"], "true", "false")
    return units


@pytest.fixture(scope="module")
def truth(query: Query) -> pd.DataFrame:
    return query("from effects")


def standard_errors_off(over: pd.Series, under: pd.Series, expected: float) -> float:
    """How far the ratio of sums lies from `expected`; one row a user, so clustered by user."""
    residual = (over - expected * under).to_numpy(float)
    return float(residual.mean() / (residual.std(ddof=1) / np.sqrt(len(residual))))


def test_planted_values_are_those_of_the_brief(truth: pd.DataFrame) -> None:
    whole = truth[truth["segment"] == "all"].set_index(["experiment_id", "metric_name", "variant_id"]).sort_index()
    planted = {
        "ctr": (0.082, 0.091),
        "add_to_cart_rate": (0.153, 0.161),
        "conversion_rate": (0.035, 0.037),
        "revenue_per_user": (12.20, 13.05),
    }
    for metric, (control, treatment) in planted.items():
        row = whole.loc[("recommendation_v2", metric, "treatment")]
        assert row["control_value"] == pytest.approx(control, abs=1e-9)
        assert row["treatment_value"] == pytest.approx(treatment, abs=1e-9)
    for metric, v1, v2 in (
        ("revenue_per_user", 0.10, 0.20),
        ("retention_d21", 0.075, 0.15),
        ("tasks_per_user", 0.08, 0.16),
    ):
        lifts = whole.loc[("adaptive_ai", metric)]["relative_effect"]
        assert lifts["B_adaptive_v1"] == pytest.approx(v1, abs=1e-9)
        assert lifts["C_adaptive_v2"] == pytest.approx(v2, abs=1e-9)


def test_experiments_without_effect_are_exactly_zero(truth: pd.DataFrame) -> None:
    without = truth["experiment_id"].isin(["checkout_aa", "search_ramp", "mobile_banner"])
    guardrail = truth["metric_name"].isin(["page_load_ms", "sessions_per_user"])
    zero = truth[(without | guardrail) & (truth["segment"] != "naive")]
    assert len(zero) > 20
    assert (zero["absolute_effect"] == 0).all()


@pytest.mark.parametrize("metric", SHOP_METRICS)
def test_recommendations(shop: pd.DataFrame, truth: pd.DataFrame, metric: str) -> None:
    units = shop[shop["experiment_id"] == "recommendation_v2"]
    rows = truth[(truth["experiment_id"] == "recommendation_v2") & (truth["metric_name"] == metric)]
    assert len(rows) == 8
    over, under = SHOP_METRICS[metric]
    for row in rows.itertuples():
        inside = units if row.segment_dimension == "all" else units[units[row.segment_dimension] == row.segment]
        for variant, expected in (("control", row.control_value), ("treatment", row.treatment_value)):
            arm = inside[inside["variant_id"] == variant]
            off = standard_errors_off(arm[over], arm[under], expected)
            assert abs(off) < MOST_STANDARD_ERRORS, (metric, row.segment, variant)


@pytest.mark.parametrize("metric", SHOP_METRICS)
def test_experiments_without_effect(shop: pd.DataFrame, truth: pd.DataFrame, metric: str) -> None:
    over, under = SHOP_METRICS[metric]
    rows = truth[(truth["metric_name"] == metric) & (truth["variant_id"] == "treatment")]
    for row in rows.itertuples():
        if row.experiment_id not in ("checkout_aa", "search_ramp", "mobile_banner"):
            continue
        if row.experiment_id == "search_ramp" and row.segment_dimension == "all":
            continue  # pooled over phases it does not hold, by design: the row `naive` says what does
        inside = shop[shop["experiment_id"] == row.experiment_id]
        if row.segment_dimension == "phase":
            inside = inside[inside["phase"] == row.segment]
        if row.experiment_id == "mobile_banner":
            inside = inside[(inside["variant_id"] == "control")]
        for variant, expected in (("control", row.control_value), ("treatment", row.treatment_value)):
            arm = inside[inside["variant_id"] == variant]
            if len(arm):
                off = standard_errors_off(arm[over], arm[under], expected)
                assert abs(off) < MOST_STANDARD_ERRORS, (row.experiment_id, metric, row.segment, variant)


def test_lift_is_twice_as_large_on_mobile_and_sits_with_the_persuadable(truth: pd.DataFrame) -> None:
    lifts = truth[(truth["experiment_id"] == "recommendation_v2") & (truth["segment_dimension"] != "device")]
    lifts = lifts.set_index(["metric_name", "segment"]).sort_index()
    for metric in ("ctr", "conversion_rate", "revenue_per_user"):
        lift = lifts.loc[metric]["absolute_effect"]
        assert lift["mobile"] / lift["desktop"] == pytest.approx(2, abs=0.01)
        assert 0.75 <= 0.23 * lift["true"] / lift["all"] <= 0.80


def test_persuadable_share(shop: pd.DataFrame) -> None:
    units = shop[shop["experiment_id"] == "recommendation_v2"]
    assert (units["persuadable"] == "true").mean() == pytest.approx(0.23, abs=0.015)


def test_shares_of_variants(shop: pd.DataFrame, saas: pd.DataFrame) -> None:
    def off(units: pd.DataFrame, variant: str, share: float) -> float:
        indicator = (units["variant_id"] == variant).astype(float)
        return abs(standard_errors_off(indicator, pd.Series(1.0, units.index), share))

    by_experiment = dict(list(shop.groupby("experiment_id")))
    assert off(by_experiment["recommendation_v2"], "treatment", 0.5) < MOST_STANDARD_ERRORS
    assert off(by_experiment["checkout_aa"], "treatment", 0.5) < MOST_STANDARD_ERRORS
    ramp = by_experiment["search_ramp"]
    assert off(ramp[ramp["phase"] == "1"], "treatment", 0.1) < MOST_STANDARD_ERRORS
    assert off(ramp[ramp["phase"] == "2"], "treatment", 0.5) < MOST_STANDARD_ERRORS
    banner = by_experiment["mobile_banner"]
    assert off(banner[banner["device"] == "android"], "treatment", 0.7 / 1.7) < MOST_STANDARD_ERRORS
    assert off(banner[banner["device"] == "android"], "treatment", 0.5) > 5
    assert off(banner[banner["device"] != "android"], "treatment", 0.5) < MOST_STANDARD_ERRORS
    adaptive = saas[saas["experiment_id"] == "adaptive_ai"]
    for variant in ("A_control", "B_adaptive_v1", "C_adaptive_v2"):
        assert off(adaptive, variant, 1 / 3) < MOST_STANDARD_ERRORS


def test_contamination_is_about_three_in_a_thousand(query: Query) -> None:
    crossed = query(
        "select avg(n_variants - 1) as share, count(*) as n from (select experiment_id, user_id, "
        "count(distinct variant_id) as n_variants from exposures group by all)"
    )
    assert crossed["share"][0] == pytest.approx(0.003, abs=4 * np.sqrt(0.003 / crossed["n"][0]))


@pytest.mark.parametrize("metric", ["revenue_per_user", "retention_d21", "tasks_per_user"])
@pytest.mark.parametrize("experiment", ["adaptive_ai", "adaptive_ai_self_selected"])
def test_adaptive_ai(saas: pd.DataFrame, truth: pd.DataFrame, experiment: str, metric: str) -> None:
    units = saas[saas["experiment_id"] == experiment]
    if metric == "retention_d21":
        assert units["mature"].mean() > 0.85
        units = units[units["mature"]]
    rows = truth[(truth["experiment_id"] == experiment) & (truth["metric_name"] == metric)]
    by_segment = experiment == "adaptive_ai"
    for row in rows.itertuples():
        if not by_segment and row.segment != "naive":
            continue
        inside = units[units["responsive"] == row.segment] if row.segment_dimension == "responsive" else units
        control = "A_control" if by_segment else "not_adopted"
        for variant, expected in ((control, row.control_value), (row.variant_id, row.treatment_value)):
            arm = inside[inside["variant_id"] == variant]
            off = standard_errors_off(arm[metric], pd.Series(1, arm.index), expected)
            assert abs(off) < MOST_STANDARD_ERRORS, (metric, row.segment, variant)


def _traits(units: pd.DataFrame) -> Traits:
    tenure = (units["tenure_days"].to_numpy(float) + 0.5 - 30) / 1_470
    return Traits(units["baseline_productivity"].to_numpy(float) / 100, units["churn_risk"].to_numpy(float), tenure)


@pytest.mark.parametrize("metric", ["revenue_per_user", "tasks_per_user"])
def test_weighting_by_propensity_recovers_the_effects_of_adoption(
    saas: pd.DataFrame, truth: pd.DataFrame, metric: str
) -> None:
    units = saas[saas["experiment_id"] == "adaptive_ai_self_selected"]
    propensity = _traits(units).adoption_chance()
    assert ((propensity > 0.05) & (propensity < 0.95)).mean() > 0.97
    adopted = (units["variant_id"] == "adopted").to_numpy(float)
    outcome = units[metric].to_numpy(float)
    known = truth[(truth["experiment_id"] == "adaptive_ai_self_selected") & (truth["metric_name"] == metric)]
    effect = known.set_index("segment")["absolute_effect"]
    weight = {
        "ate": (adopted / propensity, (1 - adopted) / (1 - propensity)),
        "att": (adopted, (1 - adopted) * propensity / (1 - propensity)),
    }
    for estimand, (treated, control) in weight.items():
        means = [(w @ outcome) / w.sum() for w in (treated, control)]
        influence = [w * (outcome - mean) / w.mean() for w, mean in zip((treated, control), means, strict=True)]
        error = np.std(influence[0] - influence[1]) / np.sqrt(len(units))
        assert abs(means[0] - means[1] - effect[estimand]) < MOST_STANDARD_ERRORS * error
        assert effect["naive"] > effect[estimand] + 2 * error


def test_activity_before_the_experiment_predicts_the_outcome(saas: pd.DataFrame) -> None:
    assert saas["revenue_per_user"].corr(saas["revenue_before"]) > 0.3


def test_the_truth_names_metrics_as_the_semantic_layer_does(query: Query, truth: pd.DataFrame) -> None:
    """Found and planted effects are joined by name."""
    declared = yaml.safe_load(Path("models/metrics/_metrics.yml").read_text())["metrics"]
    names = {metric["name"] for metric in declared}
    of_units = set(query("select distinct metric_name from unit_effects")["metric_name"])
    assert of_units | set(truth["metric_name"]) <= names
    assert set(truth.loc[truth["experiment_id"] == "criteo_visit", "metric_name"]) == {
        "visit_rate",
        "observed_conversion_rate",
    }


@pytest.mark.parametrize(
    ("experiment", "variant", "metric"),
    [
        ("recommendation_v2", "treatment", "ctr"),
        ("recommendation_v2", "treatment", "conversion_rate"),
        ("recommendation_v2", "treatment", "revenue_per_user"),
        ("adaptive_ai", "B_adaptive_v1", "revenue_per_user"),
        ("adaptive_ai", "C_adaptive_v2", "revenue_per_user"),
        ("adaptive_ai", "C_adaptive_v2", "retention_d21"),
        ("adaptive_ai", "C_adaptive_v2", "tasks_per_user"),
        ("adaptive_ai_self_selected", "adopted", "revenue_per_user"),
        ("criteo_visit", "treatment", "visit_rate"),
        ("criteo_visit", "treatment", "observed_conversion_rate"),
    ],
)
def test_unit_effects_average_to_the_effect(
    query: Query, truth: pd.DataFrame, experiment: str, variant: str, metric: str
) -> None:
    effects = query(
        f"select true_effect from unit_effects where experiment_id = '{experiment}' "
        f"and variant_id = '{variant}' and metric_name = '{metric}'"
    )["true_effect"]
    row = truth.set_index(["experiment_id", "variant_id", "metric_name", "segment"]).loc[
        (experiment, variant, metric, "all")
    ]
    off = standard_errors_off(effects, pd.Series(1, effects.index), row["absolute_effect"])
    assert abs(off) < MOST_STANDARD_ERRORS


def test_outcomes_of_known_rates_average_to_those_of_unknown_ones() -> None:
    rng = np.random.default_rng(5)
    one = Traits(*(np.array([value]) for value in (0.3, 0.6, 0.2)))
    rates = solve_saas_rates()
    rate = rng.gamma(RATE_SHAPE, one.daily_sessions() / RATE_SHAPE, 200_000)
    for variant in range(3):
        known = rates.outcomes(one, variant, rate)
        for metric, expected in rates.outcomes(one, variant).items():
            error = known[metric].std() / np.sqrt(len(rate))
            assert abs(known[metric].mean() - expected[0]) < MOST_STANDARD_ERRORS * error, (metric, variant)


def test_unit_effects_cover_exactly_the_exposed(query: Query) -> None:
    differing = query(
        """
        with known as (
            select distinct experiment_id, unit_id from unit_effects where experiment_id <> 'criteo_visit'
        ),
        seen as (
            select distinct experiment_id, user_id from exposures
            where experiment_id in (select experiment_id from known)
        )
        (from known except from seen) union all (from seen except from known)
        """
    )
    assert differing.empty


@pytest.mark.parametrize("metric", ["revenue_per_user", "retention_d21", "tasks_per_user"])
def test_the_top_fifth_gains_three_to_five_times_the_mean(query: Query, metric: str) -> None:
    effects = query(
        f"select true_effect from unit_effects where experiment_id = 'adaptive_ai' "
        f"and variant_id = 'C_adaptive_v2' and metric_name = '{metric}' order by true_effect desc"
    )["true_effect"]
    assert 3 <= effects.head(len(effects) // 5).mean() / effects.mean() <= 5


@pytest.mark.parametrize(("metric", "column"), [("visit_rate", "visit"), ("observed_conversion_rate", "conversion")])
def test_criteo(query: Query, truth: pd.DataFrame, metric: str, column: str) -> None:
    units = query("from observations")
    assert (units["conversion"] <= units["visit"]).all()
    assert (units["variant_id"] == "treatment").mean() == pytest.approx(0.85, abs=0.01)
    row = truth.set_index(["experiment_id", "metric_name"]).loc[("criteo_visit", metric)]
    assert row["absolute_effect"] > 0
    for variant, expected in (("control", row["control_value"]), ("treatment", row["treatment_value"])):
        arm = units[units["variant_id"] == variant]
        off = standard_errors_off(arm[column], pd.Series(1, arm.index), expected)
        assert abs(off) < MOST_STANDARD_ERRORS


def test_criteo_features_correlate_and_some_stick(query: Query) -> None:
    features = query("select columns('f\\d+') from observations")
    assert features["f0"].corr(features["f6"]) < -0.6
    assert (features["f11"] == features["f11"].mode()[0]).mean() > 0.9


def test_probabilities_are_probabilities() -> None:
    shop = solve_rates(200.0)
    for chance in (1.6 * shop.click, shop.cart, shop.purchase, shop.extra_unit):
        assert ((chance > 0) & (chance < 1)).all()
    assert CELL_SHARE.sum() == pytest.approx(1)
    assert 0.5 < EXPOSED.share < 1
    saas = solve_saas_rates()
    traits, weight = population()
    assert weight.sum() == pytest.approx(1)
    for variant in range(3):
        assert saas.churn_chance(traits, variant).min() > 0
        assert saas.charge_chance(traits, variant).max() < 1


def test_the_expected_share_of_users_is_exposed(query: Query) -> None:
    exposed = query("select count(distinct user_id) as n from exposures where experiment_id = 'checkout_aa'")
    assert exposed["n"][0] == pytest.approx(0.7 * USERS * EXPOSED.share, rel=0.02)
