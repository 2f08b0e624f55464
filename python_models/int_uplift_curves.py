"""Curves of every learner: see `lifthouse.results.uplift_evaluation`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Read models and held-out scores, and call the pure function."""
    from lifthouse.results.uplift_evaluation import uplift_curves
    from lifthouse.results.uplift_models import targets_of

    return uplift_curves(
        targets_of(dbt.ref("int_uplift_targets").df(), dbt.ref("experiment_variants").df()),
        dbt.ref("int_uplift_models").df(),
        dbt.ref("int_uplift_held_out").to_arrow_table(),
        dbt.ref("int_uplift_evaluation").df(),
    )
