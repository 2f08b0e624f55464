"""What drives the best learner's scores: see `lifthouse.results.uplift_segments`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read models and held-out scores, and call the pure function."""
    from lifthouse.results.uplift_models import targets_of
    from lifthouse.results.uplift_segments import uplift_drivers

    return uplift_drivers(
        targets_of(dbt.ref("int_uplift_targets").df(), dbt.ref("experiment_variants").df()),
        dbt.ref("int_uplift_models").df(),
        dbt.ref("int_uplift_held_out").to_arrow_table(),
        dbt.ref("int_uplift_evaluation").df(),
        dbt.ref("int_uplift_units").filter("is_fitted").df(),
    )
