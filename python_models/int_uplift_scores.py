"""The effect on each unit: see `lifthouse.results.uplift_scores`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Stream the units through the models, a batch at a time."""
    import pyarrow as pa

    from lifthouse.results.changes import of_changed_experiments
    from lifthouse.results.uplift_scores import SCORES, uplift_scores
    from lifthouse.results.uplift_targets import targets_of

    changed = of_changed_experiments(dbt, session, dbt.ref("int_experiment_inputs"))
    # A cursor of its own: the rows are read while the session writes the scores.
    units = session.cursor().sql(dbt.ref("int_uplift_units").filter(changed).sql_query())
    scores = uplift_scores(
        targets_of(
            dbt.ref("int_uplift_targets").filter(changed).df(),
            dbt.ref("experiment_variants").df(),
            dbt.ref("dim_experiment_variants").df(),
        ),
        dbt.ref("int_uplift_models").filter(changed).df(),
        dbt.ref("int_uplift_held_out").filter(changed).to_arrow_table(),
        dbt.ref("int_uplift_evaluation").filter(changed).df(),
        units.fetch_record_batch(dbt.config.meta_get("batch_units")),
        confidence=dbt.config.meta_get("confidence"),
    )
    return pa.RecordBatchReader.from_batches(SCORES, scores)
