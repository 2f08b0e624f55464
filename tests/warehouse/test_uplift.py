"""Uplift through dbt: the demo's truth, nothing to target in an A/A test, and Hillstrom's published figures."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from lifthouse.uplift.curves import area_score, uplift_curve
from tests.warehouse.conftest import WITHOUT_TESTS, WITHOUT_UNIT_TESTS, Warehouse
from tests.warehouse.registry_files import write_registry
from tests.warehouse.test_public_experiments import reference, write_observations


def test_an_aa_test_gives_no_targeting(demo_warehouse: Warehouse) -> None:
    of_test = "from {} where experiment_id = 'checkout_aa'"
    reasons = demo_warehouse.query_published(
        "select distinct targeting_reason " + of_test.format("fct_uplift_evaluation")
    )
    assert reasons == [("no_better_than_random",)]
    tiers = demo_warehouse.query_published("select distinct tier " + of_test.format("fct_uplift_scores"))
    assert tiers == [(None,)]
    ranking = demo_warehouse.query_published(
        "select count(*), count(value), any_value(reason) "
        + of_test.format("fct_targeting_policies")
        + " and policy in ('top_uplift', 'top_profit', 'tier_budget', 'policy_tree')"
    )
    assert ranking == [(31, 0, "no_better_than_random")]


def test_what_can_not_be_modelled_says_why(demo_warehouse: Warehouse) -> None:
    reasons = dict(
        demo_warehouse.query_published(
            "select experiment_id, any_value(reason) from fct_uplift_evaluation "
            "where reason is not null and reason != 'not_defined' group by all"
        )
    )
    assert reasons["search_ramp"] == "allocation_changed"
    assert reasons["mobile_banner"].startswith("blocked: ")
    assert "adaptive_ai_self_selected" not in reasons


def test_scores_of_a_weak_signal_follow_its_truth(demo_warehouse: Warehouse) -> None:
    truth = demo_warehouse.input_folder / "truth/unit_effects.parquet"
    rows = demo_warehouse.query_published(
        f"""
        with ranked as (
            select
                learner,
                rank() over (partition by learner order by uplift) as by_score,
                rank() over (partition by learner order by true_effect) as by_truth
            from fct_uplift_scores
            inner join '{truth}' as truth
                on fct_uplift_scores.experiment_id = truth.experiment_id and fct_uplift_scores.unit_id = truth.unit_id
                and fct_uplift_scores.metric_name = truth.metric_name
            where fct_uplift_scores.experiment_id = 'criteo_visit'
        )
        select learner, corr(by_score, by_truth) from ranked group by all
        """
    )
    assert len(rows) == 5
    # Visits of one in twenty: a weak signal, found all the same.
    assert all(correlation > 0 for _, correlation in rows), rows
    assert max(correlation for _, correlation in rows) > 0.3, rows


ADAPTIVE = "experiment_id = 'adaptive_ai' and treatment_variant_id = 'C_adaptive_v2'"
METRICS = ("revenue_per_user", "retention_d21")


@pytest.fixture(scope="module")
def scored_units(demo_warehouse: Warehouse) -> duckdb.DuckDBPyRelation:
    """The winners' scores of v2 beside the true effects: metric_name, tier, uplift, true_effect."""
    connection = duckdb.connect(str(demo_warehouse.published), read_only=True)
    return connection.sql(
        f"select metric_name, tier, uplift, true_effect from fct_uplift_scores "
        f"inner join '{demo_warehouse.input_folder}/truth/unit_effects.parquet' as truth "
        "using (experiment_id, metric_name, unit_id) "
        f"where {ADAPTIVE} and is_winner and truth.variant_id = treatment_variant_id"
    )


@pytest.mark.parametrize("metric", METRICS)
def test_scores_of_the_demo_follow_the_true_effects(scored_units: duckdb.DuckDBPyRelation, metric: str) -> None:
    units = scored_units.filter(f"metric_name = '{metric}'").df()
    assert len(units) > 7000
    assert units["uplift"].corr(units["true_effect"], method="spearman") > 0.6


@pytest.mark.parametrize("metric", METRICS)
def test_planted_drivers_of_the_demo_come_out_on_top(demo_warehouse: Warehouse, metric: str) -> None:
    drivers = demo_warehouse.query_published(
        f"select covariate from fct_uplift_drivers where {ADAPTIVE} and is_winner and metric_name = '{metric}' "
        "order by importance_rank limit 4"
    )
    # One place is left for past activity, from which productivity can be told and on which effects depend as well.
    others = {name for (name,) in drivers} - {"baseline_productivity", "churn_risk", "tenure_days"}
    assert len(others) == 1
    assert others <= {"pre_tasks_per_user", "pre_sessions_per_user", "pre_revenue_per_user"}


@pytest.mark.parametrize("metric", METRICS)
def test_top_fifth_of_the_demo_gains_three_to_five_times_the_average(
    demo_warehouse: Warehouse, scored_units: duckdb.DuckDBPyRelation, metric: str
) -> None:
    units = scored_units.filter(f"metric_name = '{metric}'").df()
    top = units.loc[units["tier"] == "very high", "true_effect"].mean()
    assert 3 <= top / units["true_effect"].mean() <= 5
    [(lower, upper)] = demo_warehouse.query_published(
        "select observed_ci_lower, observed_ci_upper from fct_uplift_segments "
        f"where {ADAPTIVE} and is_winner and segmentation = 'tier' and segment = 'very high' "
        f"and metric_name = '{metric}'"
    )
    assert lower <= top <= upper


@pytest.mark.parametrize("metric", METRICS)
def test_value_of_treating_the_top_fifth_of_the_demo_is_the_true_one(
    demo_warehouse: Warehouse, scored_units: duckdb.DuckDBPyRelation, metric: str
) -> None:
    units = scored_units.filter(f"metric_name = '{metric}'").df()
    truth = units["true_effect"].where(units["tier"] == "very high", 0.0).mean()
    [(lower, upper)] = demo_warehouse.query_published(
        "select ci_lower, ci_upper from fct_targeting_policies "
        f"where {ADAPTIVE} and metric_name = '{metric}' and policy = 'top_uplift' and budget_share = 0.2"
    )
    assert lower <= truth <= upper


SELECTED = "experiment_id = 'adaptive_ai_self_selected'"


@pytest.mark.parametrize("metric", METRICS)
def test_who_gains_is_found_where_users_chose_the_treatment_themselves(demo_warehouse: Warehouse, metric: str) -> None:
    connection = duckdb.connect(str(demo_warehouse.published), read_only=True)
    units = connection.sql(
        f"select tier, uplift, true_effect from fct_uplift_scores "
        f"inner join '{demo_warehouse.input_folder}/truth/unit_effects.parquet' as truth "
        f"using (experiment_id, metric_name, unit_id) where {SELECTED} and is_winner and metric_name = '{metric}'"
    ).df()
    assert units["uplift"].corr(units["true_effect"], method="spearman") > 0.5
    values = dict(
        connection.sql(
            "select policy, (value, standard_error) from fct_targeting_policies "
            f"where {SELECTED} and metric_name = '{metric}' "
            "and (policy = 'treat_all' or policy = 'top_uplift' and budget_share = 0.2)"
        ).fetchall()
    )
    top = units["true_effect"].where(units["tier"] == "very high", 0.0)
    for policy, truth in (("treat_all", units["true_effect"].mean()), ("top_uplift", top.mean())):
        value, standard_error = values[policy]
        # Four intervals at 99%, so that one run in 25 may miss one.
        assert abs(value - truth) <= 2.576 * standard_error, policy
    assert connection.sql(
        f"select distinct propensity from fct_uplift_evaluation where {SELECTED} "
        f"union all select distinct curve from fct_uplift_curves where {SELECTED}"
    ).fetchall() == [("estimated",), ("uplift",)]


@pytest.fixture(scope="module")
def hillstrom(make_warehouse, public_data: Path) -> Warehouse:
    warehouse = make_warehouse()
    write_observations(
        warehouse,
        "select 'tested' as experiment_id, customer_id as unit_id, segment as variant_id, "
        f"* exclude (customer_id, segment) from '{public_data}/hillstrom.parquet' where segment != 'Mens E-Mail'",
    )
    write_registry(
        warehouse.input_folder,
        ["No E-Mail", "Womens E-Mail"],
        {"visits": ("visit", True, "")},
        covariates="history, recency, mens, womens, zip_code, newbie, channel",
    )
    marts = ("scores", "evaluation", "curves", "drivers", "segments")
    selected = [*(f"+fct_uplift_{mart}" for mart in marts), "+fct_targeting_policies"]
    warehouse.built("--full-refresh", *WITHOUT_UNIT_TESTS, "--indirect-selection", "cautious", "--select", *selected)
    return warehouse


def test_hillstrom_from_the_warehouse_equals_scikit_uplift(hillstrom: Warehouse, public_data: Path) -> None:
    rows = hillstrom.query(
        "select value, history + cast(unit_id as integer) * 1e-9, "
        "int_unit_outcomes.variant_id = 'Womens E-Mail' "
        "from intermediate.int_unit_outcomes inner join intermediate.int_unit_covariates using (experiment_id, unit_id)"
    )
    outcome, score, treated = (np.array(column) for column in zip(*rows, strict=True))
    expected = reference(public_data, "hillstrom")["uplift_deterministic_score"]["womens_visit"]
    assert area_score(outcome, score, treated) == pytest.approx(expected["qini_auc_score"], abs=1e-6)
    assert area_score(outcome, score, treated, kind="uplift") == pytest.approx(expected["uplift_auc_score"], abs=1e-6)
    for kind in ("qini", "uplift"):
        curve, figures = uplift_curve(outcome, score, treated, kind=kind), expected[f"{kind}_curve"]
        assert curve.area == pytest.approx(figures["trapezoid_area"], rel=1e-6)


def test_hillstrom_has_a_winner_and_a_policy_that_beats_random(hillstrom: Warehouse) -> None:
    [(learner, qini, ci_lower)] = hillstrom.query(
        "select learner, value, ci_lower from fct_uplift_evaluation where is_winner and measure = 'qini'"
    )
    assert ci_lower > 0, (learner, qini)
    [(lower, treated_share)] = hillstrom.query(
        "select versus_random_ci_lower, treated_share from fct_targeting_policies "
        "where policy = 'top_uplift' and budget_share = 0.5"
    )
    assert lower > 0
    assert treated_share == pytest.approx(0.5, abs=1e-4)
    # Whoever has bought women's clothes answers to an e-mail about them.
    drivers = hillstrom.query("select covariate from fct_uplift_drivers where importance_rank <= 2")
    assert ("womens",) in drivers
    [(count, units)] = hillstrom.query(
        "select count(*), count(distinct unit_id) from fct_uplift_scores where is_winner and tier is not null"
    )
    assert count == units == 42693


def test_drift_is_from_the_scores_of_the_build_before(hillstrom: Warehouse, tmp_path: Path) -> None:
    assert hillstrom.query("select count(*) from intermediate.int_uplift_drifts") == [(0,)]
    rebuilt = hillstrom.copy_to(tmp_path / "warehouse")
    with duckdb.connect(str(rebuilt.path)) as connection:
        connection.execute("update fct_uplift_scores set uplift = 1 - uplift where learner = 't_learner'")
        connection.execute("update fct_uplift_scores set uplift = 0.1 where learner = 's_learner'")

    rebuilt.built(*WITHOUT_TESTS, "--select", "int_uplift_drifts")

    [(shift,)] = rebuilt.query(
        "select (2 * avg(uplift) - 1) / stddev_samp(uplift) from intermediate.int_uplift_scores "
        "where learner = 't_learner'"
    )
    drifts = {
        learner: drift
        for learner, *drift in rebuilt.query(
            "select learner, correlation, mean_shift from intermediate.int_uplift_drifts"
        )
    }
    assert drifts.pop("t_learner") == pytest.approx([-1, shift])
    assert drifts.pop("s_learner") == [None, None]
    assert list(drifts.values()) == [pytest.approx([1, 0], abs=1e-9)] * 3
