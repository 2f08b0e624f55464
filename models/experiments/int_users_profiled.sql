-- What users did, beside who they are: all users over all time ('all'), and the units of each experiment since their exposure.
-- One row per experiment, variant and user.
{%- set keys = ['experiment_id', 'variant_id', 'user_id'] %}
{%- set measures = ['count_events', 'count_sessions', 'count_impressions', 'count_clicks', 'count_carts', 'count_purchases',
    'session_seconds', 'revenue'] %}

with

user_days as (

    select *
    from {{ ref('fct_user_days') }}

),

attributes as (

    select *
    from {{ ref('stg_users') }}

),

units as (

    select *
    from {{ ref('fct_experiment_units') }}
    where is_included

),

experiments as (

    select *
    from {{ ref('experiments') }}

),

activity as (

    select
        'all' as experiment_id,
        'all' as variant_id,
        user_id,

        {% for measure in measures %}
            sum({{ measure }}) as {{ measure }},
        {% endfor %}
        count(*) as days_active
    from user_days
    group by all

    union all

    select
        units.experiment_id,
        units.variant_id,
        units.unit_id as user_id,

        {% for measure in measures %}
            sum(user_days.{{ measure }}) as {{ measure }},
        {% endfor %}
        count(*) as days_active
    from units
    inner join experiments on units.experiment_id = experiments.experiment_id
    inner join user_days
        on
            units.unit_id = user_days.user_id
            and user_days.activity_date >= cast(units.first_exposed_at as date)
            and coalesce(experiments.ended_at > user_days.activity_date, true)
    group by all

)

select
    activity.experiment_id,
    activity.variant_id,
    {% for measure in measures %}
        cast(activity.{{ measure }} as double) as {{ measure }},
    {% endfor %}
    activity.days_active,
    {{ attributes_beside('users', keys + measures + ['days_active']) }}
    activity.user_id
from activity
left join attributes on activity.user_id = attributes.user_id -- noqa: ST11
