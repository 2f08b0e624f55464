"""How columns of users move together: see `lifthouse.results.profile_correlations`."""

from typing import Any


def model(dbt: Any, session: Any) -> Any:
    """Stream the users, and return one row per scope and pair of numeric columns."""
    from lifthouse.results.profile_correlations import numeric_columns, profile_correlations

    users = dbt.ref("int_users_profiled")
    columns = numeric_columns(users.columns, users.types)
    as_numbers = [f"""cast("{name}" as double)""" for name in columns]
    means = [f"avg({number}) filter (isfinite({number}))" for number in as_numbers]
    scope = "experiment_id, variant_id"
    centres = {
        (experiment_id, variant_id): [float("nan") if centre is None else centre for centre in centres]
        for experiment_id, variant_id, *centres in users.aggregate(", ".join([scope, *means]), scope).fetchall()
    }
    rows = users.project(", ".join([scope, *as_numbers]))
    correlations = profile_correlations(rows.fetch_record_batch(dbt.config.meta_get("batch_users")), columns, centres)
    session.register("profile_correlations_frame", correlations)
    return session.sql("select * from profile_correlations_frame")
