-- How far each user came in each funnel on each day. One row per funnel, user, day and step whose event happened that day.
-- last_entered_at is the latest entry from which the step was reached in order and inside the window; null if none was.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['user_id', 'activity_date'],
        post_hook='{{ remember_settings() }}',
    )
}}
{%- set widest_window = var('funnels').values() | map(attribute='window_minutes') | max %}

with

{% if is_incremental() %}
latest as (

    select max(occurred_at) as last_event_at
    from {{ ref('stg_events') }}

),

-- A new event can be the entry of steps as late as the widest window after it, but no later than the last event of all.
touched_days as (

    select distinct
        events.user_id,
        cast(events.occurred_at as date) + cast({{ exploded_range(
            '0',
            "date_diff('day', events.occurred_at, least(events.occurred_at + interval '" ~ widest_window ~ " minutes', latest.last_event_at))"
        ) }} as integer) as activity_date
    from {{ ref('stg_events') }} as events
    cross join latest
    where events.loaded_at > timestamp '{{ loaded_since() }}'

),
{% endif %}

events as {{ inlined() }} (

    select
        event_type,
        user_id,
        occurred_at,
        loaded_at
    from {{ ref('stg_events') }}
    {% if is_incremental() %}
        where
            user_id in (select touched_days.user_id from touched_days)
            and occurred_at >= (
                select min(touched_days.activity_date) - interval '{{ widest_window }} minutes'
                from touched_days
            )
    {% endif %}

),

-- Events of the same instant stay as they are: all that is asked of a day are maxima.
{% for funnel_name, funnel in var('funnels').items() %}
    {% set funnel_number = loop.index %}
    {% for step in funnel.steps %}
        {% set this_step = 'funnel_' ~ funnel_number ~ '_step_' ~ loop.index %}
        {% set previous_step = 'funnel_' ~ funnel_number ~ '_step_' ~ (loop.index - 1) %}

{{ this_step }}_events as {{ inlined() }} (

    select *
    from events
    where {{ has_role(step) }}

),

        {% if loop.first %}
{{ this_step }} as {{ inlined() }} (

    select
        *,
        occurred_at as entered_at
    from {{ this_step }}_events

),
        {% else %}
{{ this_step }} as (

    select
        {{ this_step }}_events.user_id,
        {{ this_step }}_events.occurred_at,
        {{ this_step }}_events.loaded_at,
        case
            when
                {{ this_step }}_events.occurred_at - {{ previous_step }}.entered_at
                <= interval '{{ funnel.window_minutes }} minutes'
                then {{ previous_step }}.entered_at
        end as entered_at
    from {{ this_step }}_events
    {{ as_of_join(
        this_step ~ '_events', previous_step, ['user_id'],
        this_step ~ '_events.occurred_at >= ' ~ previous_step ~ '.occurred_at'
    ) }}

),
        {% endif %}

{{ this_step }}_days as (

    select
        user_id,
        cast(occurred_at as date) as activity_date,

        max(occurred_at) as last_occurred_at,
        max(entered_at) as last_entered_at,
        max(loaded_at) as loaded_at
    from {{ this_step }}
    group by all

),
    {% endfor %}
{% endfor %}

steps as (

    {% for funnel_name, funnel in var('funnels').items() %}
        {% set funnel_number = loop.index %}
        {% set is_last_funnel = loop.last %}
        {% for step in funnel.steps %}
            select
                {{ quoted_text(funnel_name) }} as funnel_name,
                {{ loop.index }} as step_number,
                {{ quoted_text(step) }} as step_name,
                *
            from funnel_{{ funnel_number }}_step_{{ loop.index }}_days
            {{ 'union all' if not (is_last_funnel and loop.last) }}
        {% endfor %}
    {% endfor %}

)

select
    steps.funnel_name,
    steps.user_id,
    steps.step_number,
    steps.step_name,
    steps.activity_date,
    steps.last_occurred_at,
    steps.last_entered_at,
    steps.loaded_at
from steps
{% if is_incremental() %}
    inner join touched_days
        on
            steps.user_id = touched_days.user_id
            and steps.activity_date = touched_days.activity_date
{% endif %}
