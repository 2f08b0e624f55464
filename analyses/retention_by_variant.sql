-- Do the users of one arm come back more than those of the other?
--
-- Asked by: the product manager, for changes that should make the product a habit.
-- How to read it: day_offset counts days from the day of first exposure. retention_rate is the share of users active on that
-- very day, rolling_retention_rate on that day or later. Only users whose day was over where the data end count,
-- so count_users falls with day_offset; both arms lose the same days.

with

retention as (

    select *
    from {{ ref('fct_cohort_retention') }}
    where
        period_kind = 'day'
        and experiment_id != 'all'
        and period_offset in (1, 3, 7, 14, 28)
        and is_mature

),

retention_by_offset as (

    select
        experiment_id,
        period_offset as day_offset,
        variant_id,

        cast(sum(count_users) as bigint) as count_users,
        cast(sum(count_active) as bigint) as count_active,
        sum(count_active) / sum(count_users) as retention_rate,
        sum(count_active_or_later) / sum(count_users) as rolling_retention_rate
    from retention
    group by all

)

select *
from retention_by_offset
order by
    experiment_id,
    day_offset,
    variant_id
