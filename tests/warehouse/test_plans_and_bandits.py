"""Power, plans and allocations of the demo, as published."""

import pytest
from scipy import stats

from lifthouse.cli import main
from tests.warehouse.conftest import Warehouse


def test_detectable_effects_follow_from_the_standard_errors(demo_warehouse: Warehouse) -> None:
    rows = demo_warehouse.query_published("""
        select power.metric_name, power.alpha, power_target, minimum_detectable_effect,
            standard_error / abs(mean_control)
        from fct_experiment_power as power
        inner join fct_experiment_effects as effects
            using (experiment_id, metric_name, treatment_variant_id, variance_reduction)
        inner join dim_metrics as metrics on power.metric_name = metrics.metric_name
        where hypothesis = 'superiority' and basis = 'experiment' and power.reason is null and not metrics.is_proportion
            and dimension = 'all' and is_latest and inference = 'fixed'
            and control_variant_id in (select variant_id from dim_experiment_variants where is_control)
    """)

    assert len(rows) > 5
    for metric, alpha, target, found, relative_error in rows:
        expected = (stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(target)) * relative_error
        assert found == pytest.approx(expected, rel=0.01), metric


def test_every_registered_metric_has_its_power_or_a_reason(demo_warehouse: Warehouse) -> None:
    registered = """
        select experiment_id, metric_name, variant_id
        from registry.experiment_metrics
        inner join registry.experiment_variants using (experiment_id)
        where not is_control
    """
    with_power = "select experiment_id, metric_name, treatment_variant_id from fct_experiment_power"
    blocked = demo_warehouse.query_published(
        "select distinct left(reason, 7) from fct_experiment_power where experiment_id = 'mobile_banner'"
    )

    assert set(demo_warehouse.query(registered)) == set(demo_warehouse.query(with_power))
    assert blocked == [("blocked",)]


def test_the_best_arm_gets_the_next_units_and_none_less_than_the_floor(demo_warehouse: Warehouse) -> None:
    shares = dict(
        demo_warehouse.query_published(
            "select variant_id, share from fct_bandit_allocations where experiment_id = 'adaptive_ai'"
        )
    )

    assert max(shares, key=lambda variant: shares[variant]) == "C_adaptive_v2"
    assert min(shares.values()) >= 0.05 - 1e-12
    assert sum(shares.values()) == pytest.approx(1)


def test_plans_are_published_and_printed(demo_warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    published = demo_warehouse.query_published(
        "select count_units from fct_experiment_plans where metric_name = 'ctr' and count_days = 14"
    )

    assert main(["plan", "ctr", "--days", "14", "--marts", str(demo_warehouse.published)]) == 0
    assert f"{published[0][0]:,}" in capsys.readouterr().out
