-- Who came back: cohorts by first activity ('all') and, for each experiment, by first exposure.
-- A period that was not over where the data end is not mature and has nulls, not zeros.
{%- set period_kinds = var('retention_periods') %}

with

-- Activity is joined to members once, day by day. A user counts once a period, on the last active day in it: that one is at or
-- after the day of joining if any is.
user_days as (

    select
        user_id,
        activity_date,
        loaded_at,
        lead(activity_date) over (partition by user_id order by activity_date) as next_activity_date
    from {{ ref('fct_user_days') }}

),

units as (

    select *
    from {{ ref('fct_experiment_units') }}
    where is_included

),

-- Late events and whole exports are loaded after the last day of which they tell: of the days since, nothing is known.
observed as (

    select least(cast(max(loaded_at) as date), max(activity_date) + 1) as observed_until
    from user_days

),

users as (

    select
        user_id,

        min(activity_date) as joined_date
    from user_days
    group by all

),

members as (

    select
        'all' as experiment_id,
        'all' as variant_id,
        user_id,
        joined_date
    from users

    union all

    select
        experiment_id,
        variant_id,
        unit_id as user_id,
        cast(first_exposed_at as date) as joined_date
    from units
    -- Units of which the events know nothing stay in, as not retained, unless it is the whole experiment that they don't cover.
    where
        experiment_id in (
            select followed.experiment_id
            from units as followed
            where followed.unit_id in (select users.user_id from users)
        )

),

joined_days as (

    select
        experiment_id,
        variant_id,
        joined_date,

        count(*) as count_users
    from members
    group by all

),

active_days as (

    select
        members.experiment_id,
        members.variant_id,
        members.joined_date,
        user_days.activity_date,

        {% for period_kind in period_kinds %}
            count(*) filter (
                where user_days.next_activity_date is null
                or date_trunc('{{ period_kind }}', user_days.next_activity_date) > user_days.activity_date
            ) as count_last_of_{{ period_kind }},
        {% endfor %}
        count(*) filter (where user_days.next_activity_date is null) as count_last_active
    from members
    inner join user_days
        on
            members.user_id = user_days.user_id
            and members.joined_date <= user_days.activity_date
    group by all

),

{% for period_kind, count_periods in period_kinds.items() %}
{{ period_kind }}_cohorts as (

    select
        experiment_id,
        variant_id,
        cast(date_trunc('{{ period_kind }}', joined_date) as date) as cohort_period,

        cast(sum(count_users) as bigint) as count_users
    from joined_days
    group by all

),

{{ period_kind }}_grid as (

    select
        *,
        {{ exploded_range('0', count_periods) }} as period_offset
    from {{ period_kind }}_cohorts

),

{{ period_kind }}_active as (

    select
        experiment_id,
        variant_id,
        cast(date_trunc('{{ period_kind }}', joined_date) as date) as cohort_period,
        -- From period to period: DuckDB counts the weeks between two days from the first, not from Monday to Monday.
        date_diff(
            '{{ period_kind }}',
            date_trunc('{{ period_kind }}', joined_date),
            date_trunc('{{ period_kind }}', activity_date)
        ) as period_offset,

        sum(count_last_of_{{ period_kind }}) as count_active,
        sum(count_last_active) as count_last_active
    from active_days
    group by all

),

{{ period_kind }}_active_or_later as (

    select
        {{ period_kind }}_grid.experiment_id,
        {{ period_kind }}_grid.variant_id,
        {{ period_kind }}_grid.cohort_period,
        {{ period_kind }}_grid.period_offset,

        sum({{ period_kind }}_active.count_last_active) as count_active_or_later
    from {{ period_kind }}_grid
    inner join {{ period_kind }}_active
        on
            {{ period_kind }}_grid.experiment_id = {{ period_kind }}_active.experiment_id
            and {{ period_kind }}_grid.variant_id = {{ period_kind }}_active.variant_id
            and {{ period_kind }}_grid.cohort_period = {{ period_kind }}_active.cohort_period
            and {{ period_kind }}_grid.period_offset <= {{ period_kind }}_active.period_offset
    group by all

),

{{ period_kind }}_retention as (

    select
        '{{ period_kind }}' as period_kind,
        grid.experiment_id,
        grid.variant_id,
        grid.cohort_period,
        cast(grid.period_offset as integer) as period_offset,
        grid.count_users,
        coalesce(active.count_active, 0) as count_active,
        coalesce(later.count_active_or_later, 0) as count_active_or_later,
        grid.cohort_period + (grid.period_offset + 1) * interval '1 {{ period_kind }}'
        <= observed.observed_until as is_mature
    from {{ period_kind }}_grid as grid
    cross join observed
    left join {{ period_kind }}_active as active
        on
            grid.experiment_id = active.experiment_id
            and grid.variant_id = active.variant_id
            and grid.cohort_period = active.cohort_period
            and grid.period_offset = active.period_offset
    left join {{ period_kind }}_active_or_later as later
        on
            grid.experiment_id = later.experiment_id
            and grid.variant_id = later.variant_id
            and grid.cohort_period = later.cohort_period
            and grid.period_offset = later.period_offset

),

{% endfor %}
retention as (

    {% for period_kind in period_kinds %}
        select *
        from {{ period_kind }}_retention
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    period_kind,
    experiment_id,
    variant_id,
    cohort_period,
    period_offset,
    count_users,
    cast(case when is_mature then count_active end as bigint) as count_active,
    cast(case when is_mature then count_active_or_later end as bigint) as count_active_or_later,
    case when is_mature then count_active / count_users end as retention_rate,
    case when is_mature then count_active_or_later / count_users end as rolling_retention_rate,
    is_mature
from retention
