"""LaLonde's training programme through `dbt build`: what surveys give in the place of the experiment's controls."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sklearn.linear_model import LinearRegression

from lifthouse.causal.covariates import Encoder
from lifthouse.causal.doubly_robust import Nuisances, aipw
from lifthouse.causal.propensity import fit_logistic
from lifthouse.causal.weighting import balancing_weights, effective_sample_size, ipw
from tests.warehouse.conftest import WITHOUT_UNIT_TESTS, WITHOUT_UPLIFT, Run, Warehouse, make_warehouse, public_data
from tests.warehouse.registry_files import EXPERIMENTS, METRICS, VARIANTS, write_registry

__all__ = ["make_warehouse", "public_data"]

COVARIATES = "age, education, black, hispanic, married, nodegree, re74, re75, u74, u75"
EXPERIMENTAL = (1794.34, 671.0)
# Experiment and the sample that its controls are from; the treated are the experiment's.
CONTROLS = {"nsw": "nsw_dw", "cps": "cps_controls", "psid": "psid_controls"}


@pytest.fixture(scope="module")
def built(make_warehouse: Callable[[], Warehouse], public_data: Path) -> tuple[Warehouse, Run]:
    warehouse = make_warehouse()
    folder = warehouse.input_folder
    write_registry(folder, ["untrained", "trained"], {"earnings": ("re78", False, "")}, covariates=COVARIATES)
    experiments, variants, metrics = EXPERIMENTS, VARIANTS, METRICS
    for name in CONTROLS:
        assignment = "randomised" if name == "nsw" else "observational"
        experiments += f"{name},Training,{assignment},completed,2026-03-01 00:00:00,2026-03-15 00:00:00,,,\n"
        shares = ("0.58427", "0.41573") if name == "nsw" else ("", "")
        variants += f"{name},untrained,true,{shares[0]},\n{name},trained,false,{shares[1]},\n"
        metrics += f"{name},earnings,primary,,,\n"
    (folder / "registry/experiments.csv").write_text(experiments)
    (folder / "registry/experiment_variants.csv").write_text(variants)
    (folder / "registry/experiment_metrics.csv").write_text(metrics)
    arms = " union all ".join(
        f"select '{name}' as experiment_id, case when treat = 1 then 'trained' else 'untrained' end as variant_id, * "
        f"from '{public_data}/lalonde_all_samples.parquet' "
        f"where (sample = 'nsw_dw' and treat = 1) or (sample = '{controls}' and treat = 0)"
        for name, controls in CONTROLS.items()
    )
    duckdb.sql(
        "copy (select experiment_id, variant_id, row_id as unit_id, age, education, black, hispanic, married, "
        "nodegree, re74, re75, re78, cast(re74 = 0 as integer) as u74, cast(re75 = 0 as integer) as u75 "
        f"from ({arms})) to '{folder}/observations.parquet' (format parquet)"
    )
    variables = WITHOUT_UPLIFT | {"causal_estimand": "att"}
    run = warehouse.dbt("build", "--full-refresh", *WITHOUT_UNIT_TESTS, variables=variables)
    return warehouse, run


def estimates(warehouse: Warehouse, experiment: str, estimand: str, population: str = "all") -> dict[str, Any]:
    rows = warehouse.query_published(
        "select estimator, estimate, standard_error, ci_lower, ci_upper, effective_sample_size, reason "
        f"from fct_treatment_effects where experiment_id = '{experiment}' and estimand = '{estimand}' "
        f"and population = '{population}' and dimension = 'all'"
    )
    return {name: values for name, *values in rows}


def test_the_experiment_itself(built: tuple[Warehouse, Run]) -> None:
    [row] = built[0].query_published(
        "select absolute_effect, standard_error from fct_experiment_effects "
        "where experiment_id = 'nsw' and dimension = 'all' and variance_reduction = 'none' and inference = 'fixed'"
    )
    assert row == pytest.approx(EXPERIMENTAL, rel=1e-4)


def test_reference_numbers(built: tuple[Warehouse, Run], public_data: Path) -> None:
    reference = json.loads((public_data / "reference.json").read_text())["datasets"]["lalonde"]["computed"]["metrics"]
    for name in ("cps", "psid"):
        published = reference[f"nsw_treated_vs_{name}_controls.logit_ATT"]
        assert estimates(built[0], name, "att")["ipw"][0] == pytest.approx(published["ipw_att"], rel=1e-6)
        naive = reference[f"nsw_treated_vs_{name}_controls.naive"]
        found = estimates(built[0], name, "ate")["difference_in_means"]
        assert found[:2] == pytest.approx([naive["ate"], naive["se_welch"]], rel=1e-6)
        assert found[2:4] == pytest.approx(naive["ci95"], rel=1e-6)


def test_every_estimator_has_a_number_or_a_reason(built: tuple[Warehouse, Run]) -> None:
    for name in ("cps", "psid"):
        for estimand, count in (("ate", 7), ("att", 6), ("ato", 3)):
            found = estimates(built[0], name, estimand)
            assert len(found) == count
            for estimate, error, lower, upper, effective, reason in found.values():
                assert reason is None
                assert lower < estimate < upper
                assert error > 0
                assert 1 <= effective <= 185 + 1e-9


def test_doubly_robust_covers_the_experiment(built: tuple[Warehouse, Run]) -> None:
    for name, population in (("cps", "all"), ("psid", "trimmed")):
        _, _, lower, upper, *_ = estimates(built[0], name, "att", population)["aipw"]
        assert lower < EXPERIMENTAL[0] < upper


def test_the_lack_of_overlap_is_flagged(built: tuple[Warehouse, Run]) -> None:
    warehouse, run = built
    verdicts = {
        name: (verdict, statistic)
        for name, verdict, statistic in warehouse.query_published(
            "select experiment_id, verdict, statistic from fct_refutations where refuter = 'overlap'"
        )
    }
    for name, verdict in (("psid", "fail"), ("cps", "pass")):
        # Of the scores that AIPW rests on; the reference's, which have seen the units, are IPW's.
        assert verdicts[name] == (verdict, pytest.approx(estimates(warehouse, name, "att")["aipw"][4] / 185))
    assert estimates(warehouse, "psid", "att")["ipw"][4] == pytest.approx(9.690769353226527, rel=1e-5)
    assert verdicts["psid"][1] < 9.690769353226527 / 185
    assert run.returncode != 0
    assert "assert_arms_overlap" in run.output


@pytest.mark.parametrize("controls", ["cps_controls", "cps_controls3", "psid_controls", "psid_controls3"])
def test_weighting_and_doubly_robust_on_the_references_own_nuisances(public_data: Path, controls: str) -> None:
    """The reference fits both on all units: logistic scores, and least squares on the controls."""
    computed = json.loads((public_data / "reference.json").read_text())["datasets"]["lalonde"]["computed"]["metrics"]
    reference = computed[f"nsw_treated_vs_{controls}.logit_ATT"]
    table = duckdb.sql(
        "select *, cast(re74 = 0 as integer) as u74, cast(re75 = 0 as integer) as u75 "
        f"from '{public_data}/lalonde_all_samples.parquet' "
        f"where (sample = 'nsw_dw' and treat = 1) or (sample = '{controls}' and treat = 0)"
    ).to_arrow_table()
    design = Encoder.fit(table, COVARIATES.split(", ")).matrix(table)
    treated, outcome = table["treat"].to_numpy() == 1, table["re78"].to_numpy().astype(float)
    scores = fit_logistic(design, treated).predict_proba(design)[:, 1]
    untreated = LinearRegression().fit(design[~treated], outcome[~treated]).predict(design)
    nuisances = Nuisances(scores, untreated, untreated, ("linear", "linear"))
    found = ipw(design, treated, outcome, "att"), aipw(design, treated, outcome, nuisances, "att")
    assert [one.estimate for one in found] == pytest.approx([reference["ipw_att"], reference["aipw_att"]], rel=1e-6)
    weights = balancing_weights(scores, treated, "att")
    assert effective_sample_size(weights[~treated]) == pytest.approx(reference["ess_controls"], rel=1e-5)
