"""What the page shows, as rows of the published marts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from duckdb import DuckDBPyConnection

Row = dict[str, Any]

_EXPERIMENTS = """
    select
        decisions.*,
        registered.* exclude (experiment_id)
    from fct_experiment_decisions as decisions
    inner join (
        select
            experiment_id,
            any_value(description) as description,
            any_value(assignment) as assignment,
            any_value(status) as status,
            min(started_at) as started_at,
            max(ended_at) as ended_at
        from dim_experiment_variants
        group by experiment_id
    ) as registered on decisions.experiment_id = registered.experiment_id
    order by decisions.experiment_id
"""
# By experiment, in the order of the page. What is shown of an effect is what its verdict rests on.
_OF_EXPERIMENTS = {
    "arms": """
        with units as (
            select
                experiment_id,
                variant_id,
                count(*) filter (where is_included) as count_units,
                count(*) filter (where not is_included) as count_excluded
            from fct_experiment_units
            group by all
        )
        select
            variants.experiment_id,
            variants.variant_id,
            bool_or(variants.is_control) as is_control,
            case when count(*) = 1 then max(variants.expected_share) end as expected_share,
            coalesce(max(units.count_units), 0) as count_units,
            coalesce(max(units.count_excluded), 0) as count_excluded
        from dim_experiment_variants as variants
        left join units on variants.experiment_id = units.experiment_id and variants.variant_id = units.variant_id
        group by all
        order by is_control desc, variants.variant_id
    """,
    "verdicts": """
        select *
        from fct_experiment_verdicts
        order by
            treatment_variant_id,
            list_position(['primary', 'secondary', 'guardrail'], role),
            metric_name
    """,
    "days": """
        select effects.*
        from fct_experiment_effects as effects
        inner join fct_experiment_verdicts as verdicts
            using (experiment_id, metric_name, control_variant_id, treatment_variant_id, variance_reduction)
        where
            effects.dimension = 'all'
            and effects.inference = 'always_valid'
            and verdicts.role = 'primary'
        order by metric_name, treatment_variant_id, as_of_date
    """,
    "segments": """
        select effects.*
        from fct_experiment_effects as effects
        inner join fct_experiment_verdicts as verdicts
            using (experiment_id, metric_name, control_variant_id, treatment_variant_id, variance_reduction, inference)
        where
            effects.dimension != 'all'
            and effects.is_latest
            and effects.reason is null
            and verdicts.role = 'primary'
        order by metric_name, treatment_variant_id, dimension, segment
    """,
    "checks": """
        select *
        from fct_experiment_health
        order by list_position(['fail', 'warn', 'pass', 'not_applicable'], status), check_name, dimension, segment
    """,
    "causal": """
        select
            effects.*,
            naive.estimate as naive_estimate
        from fct_treatment_effects as effects
        left join fct_treatment_effects as naive
            using (experiment_id, metric_name, treatment_variant_id, population, dimension, segment, estimand)
        where
            effects.estimator = 'aipw'
            and effects.estimand = 'ate'
            and effects.population = 'all'
            and effects.dimension = 'all'
            and naive.estimator = 'difference_in_means'
        order by effects.treatment_variant_id, effects.metric_name
    """,
    "refuted": """
        select *
        from fct_refutations
        where verdict in ('fail', 'warn')
        order by verdict, metric_name, refuter
    """,
    "tiers": """
        select * exclude (profile)
        from fct_uplift_segments
        where
            is_winner
            and segmentation = 'tier'
        order by metric_name, treatment_variant_id, segment_order desc
    """,
}
_OF_EVERYTHING = {
    "days": """
        select
            activity_date,
            count(*) as count_users,
            sum(count_sessions) as count_sessions,
            sum(count_purchases) as count_purchases,
            sum(revenue) as revenue
        from fct_user_days
        group by activity_date
        order by activity_date
    """,
    "funnels": """
        select *
        from fct_funnel_steps
        where
            experiment_id = 'all'
            and dimension = 'all'
        order by funnel_name, step_number
    """,
    "retention": """
        select *
        from fct_cohort_retention
        where
            experiment_id = 'all'
            and period_kind = 'week'
            and cohort_period >= (
                select max(cohort_period) - interval 12 weeks
                from fct_cohort_retention
                where period_kind = 'week'
            )
        order by cohort_period, period_offset
    """,
    "quarantined": """
        select
            input_name,
            reason,
            cast(sum(count_rows) as bigint) as count_rows
        from fct_quarantined_rows
        group by all
        order by count_rows desc, input_name, reason
        limit 12
    """,
    "warnings": """
        select *
        from fct_data_quality
        where status in ('warn', 'fail')
        order by activity_date desc, input_name, column_name, measure
        limit 20
    """,
}


class ReportError(Exception):
    """A page that can't be made, with what to do."""


@dataclass(frozen=True)
class Marts:
    """Rows for the page.

    Attributes:
        experiments: A row of the decision, with the registry's words about the experiment.
        of_experiments: Rows by experiment, by what they are for: `_OF_EXPERIMENTS`.
        of_everything: Rows that are of no experiment, by what they are for: `_OF_EVERYTHING`.

    """

    experiments: list[Row]
    of_experiments: dict[str, dict[str, list[Row]]]
    of_everything: dict[str, list[Row]]


def read_marts(connection: DuckDBPyConnection, only: Sequence[str] = ()) -> Marts:
    """Read what the page shows.

    Args:
        connection: The published marts.
        only: Experiments to show; all if none is named.

    Raises:
        ReportError: If one of them is none.

    """
    experiments = _rows(connection, _EXPERIMENTS)
    known = [str(row["experiment_id"]) for row in experiments]
    unknown = [name for name in only if name not in known]
    if unknown:
        raise ReportError(f"{', '.join(unknown)}: no such experiment; known are {', '.join(known) or 'none'}")
    of_experiments: dict[str, dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    for what, sql in _OF_EXPERIMENTS.items():
        for row in _rows(connection, sql):
            of_experiments[str(row["experiment_id"])][what].append(row)
    return Marts(
        [row for row in experiments if not only or row["experiment_id"] in only],
        of_experiments,
        {what: _rows(connection, sql) for what, sql in _OF_EVERYTHING.items()},
    )


def _rows(connection: DuckDBPyConnection, sql: str) -> list[Row]:
    cursor = connection.execute(sql)
    names = [name for name, *_ in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
