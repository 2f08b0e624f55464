-- Users at each step of each funnel: over everything ('all') and over the units of each experiment after their exposure,
-- as a whole ('all') and by each dimension.
{%- set dimensions = dimension_names() %}
{%- set dimensions_of_users -%}
    {% for dimension in dimensions %}
        coalesce(cast(users.{{ adapter.quote(dimension) }} as varchar), 'unknown') as {{ adapter.quote(dimension) }}{{ ',' if not loop.last }}
    {% endfor %}
{%- endset %}

with

funnel_days as {{ inlined() }} (

    select *
    from {{ ref('int_funnel_days') }}

),

-- All users with any activity are told apart there already.
active_users as (

    select *
    from {{ ref('int_users_profiled') }}
    where experiment_id = 'all'

),

users as (

    select *
    from {{ ref('stg_users') }}

),

units as (

    select *
    from {{ ref('fct_experiment_units') }}
    where is_included

),

experiments as (

    select
        experiment_id,
        coalesce(ended_at, timestamp '9999-12-31') as ended_at
    from {{ ref('experiments') }}

),

declared_steps as (

    {% for funnel_name, funnel in var('funnels').items() %}
        {% set is_last_funnel = loop.last %}
        {% for step in funnel.steps %}
            select
                {{ quoted_text(funnel_name) }} as funnel_name,
                {{ loop.index }} as step_number,
                {{ quoted_text(step) }} as step_name
            {{ 'union all' if not (is_last_funnel and loop.last) }}
        {% endfor %}
    {% endfor %}

),

-- What a user reached by an end is the same for all experiments of that end (most have none yet): it is found once.
members as (

    select
        units.experiment_id,
        units.variant_id,
        units.unit_id as user_id,
        units.first_exposed_at,
        experiments.ended_at
    from units
    inner join experiments on units.experiment_id = experiments.experiment_id

),

ends as (

    select distinct
        user_id,
        ended_at
    from members

),

reached as (

    select
        funnel_days.funnel_name,
        funnel_days.step_number,
        funnel_days.user_id,
        ends.ended_at,

        max(funnel_days.last_occurred_at) as last_occurred_at,
        max(funnel_days.last_entered_at) as last_entered_at
    from funnel_days
    inner join ends
        on
            funnel_days.user_id = ends.user_id
            and funnel_days.activity_date < ends.ended_at
    group by all

),

progress as (

    select
        'all' as experiment_id,
        'all' as variant_id,
        funnel_name,
        step_number,
        user_id,

        bool_or(last_entered_at is not null) as is_in_order
    from funnel_days
    group by all

    union all

    select
        members.experiment_id,
        members.variant_id,
        reached.funnel_name,
        reached.step_number,
        reached.user_id,
        coalesce(reached.last_entered_at >= members.first_exposed_at, false) as is_in_order
    from reached
    inner join members
        on
            reached.user_id = members.user_id
            and reached.ended_at = members.ended_at
    where reached.last_occurred_at >= members.first_exposed_at

),

counted_by_all_dimensions as (

    select
        progress.funnel_name,
        progress.experiment_id,
        progress.variant_id,
        progress.step_number,
        {{ dimensions_of_users }}{{ ',' if dimensions }}

        count(*) filter (where progress.is_in_order) as count_users,
        count(*) as count_users_in_any_order
    from progress
    left join users on progress.user_id = users.user_id -- noqa: ST11
    group by all

),

counted as (

    {% for dimension in ['all'] + dimensions %}
        select
            funnel_name,
            experiment_id,
            variant_id,
            {{ quoted_text(dimension) }} as dimension,
            {{ adapter.quote(dimension) if not loop.first else "'all'" }} as dimension_value,
            step_number,

            cast(sum(count_users) as bigint) as count_users,
            cast(sum(count_users_in_any_order) as bigint) as count_users_in_any_order
        from counted_by_all_dimensions
        group by all
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- Who could have taken a step, whether anybody did or not.
population as (

    select
        experiment_id,
        variant_id,
        user_id
    from active_users

    union all

    select
        experiment_id,
        variant_id,
        user_id
    from members

),

populated as (

    select distinct
        population.experiment_id,
        population.variant_id{{ ',' if dimensions }}
        {{ dimensions_of_users }}
    from population
    left join users on population.user_id = users.user_id -- noqa: ST11

),

scopes as (

    {% for dimension in ['all'] + dimensions %}
        select distinct
            experiment_id,
            variant_id,
            {{ quoted_text(dimension) }} as dimension,
            {{ adapter.quote(dimension) if not loop.first else "'all'" }} as dimension_value
        from populated
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- An experiment has the funnels of which any of its units took a step: those of another product say nothing of it.
funnels as (

    select
        funnel_name,
        'all' as experiment_id
    from declared_steps

    union

    select
        funnel_name,
        experiment_id
    from counted

),

-- A step that nobody reached is a row of zeros, not a missing row.
completed as (

    select
        funnels.funnel_name,
        scopes.experiment_id,
        scopes.variant_id,
        scopes.dimension,
        scopes.dimension_value,
        declared_steps.step_name,
        declared_steps.step_number,
        coalesce(counted.count_users, 0) as count_users,
        coalesce(counted.count_users_in_any_order, 0) as count_users_in_any_order
    from scopes
    inner join funnels on scopes.experiment_id = funnels.experiment_id
    inner join declared_steps on funnels.funnel_name = declared_steps.funnel_name
    left join counted
        on
            funnels.funnel_name = counted.funnel_name
            and scopes.experiment_id = counted.experiment_id
            and scopes.variant_id = counted.variant_id
            and scopes.dimension = counted.dimension
            and scopes.dimension_value = counted.dimension_value
            and declared_steps.step_number = counted.step_number

)

select
    *,
    count_users / nullif(lag(count_users) over funnel, 0) as step_rate,
    count_users / nullif(first_value(count_users) over funnel, 0) as funnel_rate
from completed
window
    funnel as (
        partition by funnel_name, experiment_id, variant_id, dimension, dimension_value
        order by step_number
    )
