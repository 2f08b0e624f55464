-- What each user did on each day (UTC): the daily fact that features, retention and daily active users are summed from.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key=['user_id', 'activity_date'],
        on_schema_change='fail',
        post_hook='{{ remember_settings() }}',
    )
}}

with

events as (

    select
        event_type,
        user_id,
        device,
        revenue,
        cast(occurred_at as date) as activity_date,
        occurred_at,
        loaded_at
    from {{ ref('stg_events') }}

),

sessions as (

    select *
    from {{ ref('fct_sessions') }}

),

{% if is_incremental() %}
-- A day changes when a session that touches it does: a late event may move a session's start to the day before.
touched_days as (

    select distinct
        user_id,
        cast({{ exploded_range('0', "date_diff('day', started_at, ended_at)") }} as integer)
        + cast(started_at as date) as activity_date
    from sessions
    where loaded_at > timestamp '{{ loaded_since() }}'

),
{% endif %}

event_days as (

    select
        events.user_id,
        events.activity_date,

        arg_min(events.device, {{ event_number('events.occurred_at', 'events.device') }}) as device,
        count(*) as count_events,
        {{ role_counts() }},
        coalesce(sum(events.revenue), 0) as revenue,
        min(events.occurred_at) as first_event_at,
        max(events.occurred_at) as last_event_at,
        max(events.loaded_at) as loaded_at
    from events
    {% if is_incremental() %}
        inner join touched_days
            on
                events.user_id = touched_days.user_id
                and events.activity_date = touched_days.activity_date
        where events.occurred_at >= (select min(touched_days.activity_date) from touched_days)
    {% endif %}
    group by all

),

-- A session counts on the day it starts. It makes each day it touches new: a day loses it when a late event moves its start.
session_touches as (

    select
        user_id,
        cast({{ exploded_range('0', "date_diff('day', started_at, ended_at)") }} as integer)
        + cast(started_at as date) as activity_date,
        cast(started_at as date) as started_date,
        duration_seconds,
        loaded_at
    from sessions
    {% if is_incremental() %}
        where ended_at >= (select min(touched_days.activity_date) from touched_days)
    {% endif %}

),

session_days as (

    select
        user_id,
        activity_date,

        count(*) filter (where activity_date = started_date) as count_sessions,
        sum(duration_seconds) filter (where activity_date = started_date) as session_seconds,
        max(loaded_at) as loaded_at
    from session_touches
    group by all

)

select
    event_days.user_id,
    event_days.device,
    event_days.count_events,
    coalesce(session_days.count_sessions, 0) as count_sessions,
    event_days.count_impressions,
    event_days.count_clicks,
    event_days.count_carts,
    event_days.count_purchases,
    coalesce(session_days.session_seconds, 0) as session_seconds,
    event_days.revenue,
    event_days.activity_date,
    event_days.first_event_at,
    event_days.last_event_at,
    greatest(event_days.loaded_at, session_days.loaded_at) as loaded_at
from event_days
left join session_days
    on
        event_days.user_id = session_days.user_id
        and event_days.activity_date = session_days.activity_date
