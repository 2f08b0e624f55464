"""Propensity scores of experiments whose arms nobody assigned: see `lifthouse.results.propensities`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Fit on a bounded sample of each pair's units, score all of them in batches."""
    import pyarrow as pa

    from lifthouse.results.changes import of_changed_experiments
    from lifthouse.results.propensities import SCHEMA, UNIT_KEYS, causal_pairs, propensity_scores

    # A cursor of its own: the rows are read while the session writes the scores.
    covariates = session.cursor().sql(dbt.ref("int_unit_covariates").sql_query())
    changed = of_changed_experiments(dbt, session, dbt.ref("int_experiment_inputs"))
    pairs = causal_pairs(
        dbt.ref("experiments").df(),
        dbt.ref("experiment_variants").filter(changed).df(),
        dbt.ref("int_blocked_experiments").df(),
        also=dbt.config.meta_get("also"),
    )

    def fitted_units(pair: Any) -> Any:
        sample = covariates.filter(pair.condition).order("hash(unit_id), unit_id")
        return sample.limit(dbt.config.meta_get("fitted_units")).to_arrow_table()

    def all_units(pair: Any, names: Any) -> Any:
        columns = ", ".join(f'"{name}"' for name in (*UNIT_KEYS, *names))
        return covariates.filter(pair.condition).project(columns).to_arrow_reader(100_000)

    return pa.RecordBatchReader.from_batches(SCHEMA, propensity_scores(pairs, fitted_units, all_units))
