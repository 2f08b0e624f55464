"""What treating whom is worth: see `lifthouse.results.uplift_policies`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read models and held-out scores, and return one row per policy and budget share."""
    from lifthouse.results.uplift_models import targets_of
    from lifthouse.results.uplift_policies import targeting_policies

    return targeting_policies(
        targets_of(dbt.ref("int_uplift_targets").df(), dbt.ref("experiment_variants").df()),
        dbt.ref("int_uplift_models").df(),
        dbt.ref("int_uplift_held_out").to_arrow_table(),
        dbt.ref("int_uplift_evaluation").df(),
        dbt.ref("int_uplift_units").filter("is_fitted").df(),
        confidence=dbt.config.meta_get("confidence"),
    )
