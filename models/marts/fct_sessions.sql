-- Sessions: a user's events without a silence longer than session_timeout_minutes, or the tracker's own sessions.
{%- set by_tracker = var('session_source') == 'tracker' %}
{%- set event = event_number('occurred_at', 'event_type, device') %}
{%- set timeout = "interval '" ~ var('session_timeout_minutes') ~ " minutes'" %}
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert' if by_tracker else 'replace_overlapping',
        unique_key='session_id',
        on_schema_change='fail',
        post_hook='{{ remember_settings() }}',
    )
}}

with

{% if is_incremental() %}
    {% set loaded_since = loaded_since() %}

new_events as (

    select *
    from {{ ref('stg_events') }}
    where loaded_at > timestamp '{{ loaded_since }}'

),

-- Sessions that a new event may lengthen or merge: none other can change.
touched_sessions as (

    select distinct
        sessions.session_id,
        sessions.user_id,
        sessions.started_at,
        sessions.ended_at
    from {{ this }} as sessions
    inner join new_events
        on
            sessions.user_id = new_events.user_id
            {% if by_tracker %}
                and sessions.session_id = {{ tracker_session_id('new_events.user_id', 'new_events.session_id') }}
            {% else %}
                and new_events.occurred_at >= sessions.started_at - {{ timeout }}
                and new_events.occurred_at <= sessions.ended_at + {{ timeout }}
            {% endif %}

),

events as (

    select *
    from new_events

    union all

    select old_events.*
    from {{ ref('stg_events') }} as old_events
    inner join touched_sessions
        on
            old_events.user_id = touched_sessions.user_id
            and old_events.occurred_at between touched_sessions.started_at and touched_sessions.ended_at
            {% if by_tracker %}
                and {{ tracker_session_id('old_events.user_id', 'old_events.session_id') }} = touched_sessions.session_id
            {% endif %}
    where
        old_events.loaded_at <= timestamp '{{ loaded_since }}'
        and old_events.occurred_at >= (select min(touched_sessions.started_at) from touched_sessions)

),
{% else %}
events as {{ inlined() }} (

    select *
    from {{ ref('stg_events') }}

),
{% endif %}

-- What a session's first and last event were is looked up at the end.
kinds as (

    select distinct
        event_type,
        device,
        {{ kind_number('event_type, device') }} as kind_number
    from events

),

-- Events first shrink to stretches no longer than the timeout, which can't hold a gap that ends a session: the windows
-- that follow sort these instead of the events.
stretches as (

    select
        user_id,
        {% if by_tracker %}
            session_id as stretch_key,
        {% else %}
            {{ session_span('occurred_at') }} as stretch_key,
        {% endif %}

        min({{ event }}) as first_event,
        max({{ event }}) as last_event,
        min({{ event }}) filter (where device is not null) as first_event_with_device,
        count(*) as count_events,
        {{ role_counts() }},
        sum(revenue) as revenue,
        {{ moment_in_event_number('min(' ~ event ~ ')') }} as started_at,
        {{ moment_in_event_number('max(' ~ event ~ ')') }} as ended_at,
        max(loaded_at) as loaded_at
    from events
    group by all

),

{% if by_tracker %}
sessions as (

    select
        *,
        {{ tracker_session_id('user_id', 'stretch_key') }} as session_id
    from stretches

)
{% else %}
neighboured as (

    select
        *,
        coalesce(
            started_at - lag(ended_at) over (partition by user_id order by started_at) <= {{ timeout }}, false
        ) as continues_previous,
        coalesce(
            lead(started_at) over (partition by user_id order by started_at) - ended_at <= {{ timeout }}, false
        ) as continues_in_next
    from stretches

),

-- Most stretches are a session each: only the others are numbered and put together.
parts as (

    select
        *,
        count(*) filter (where not continues_previous) over (
            partition by user_id order by started_at rows unbounded preceding
        ) as session_number
    from neighboured
    where continues_previous or continues_in_next

),

joined_parts as (

    select
        user_id,
        session_number,

        min(first_event) as first_event,
        max(last_event) as last_event,
        min(first_event_with_device) as first_event_with_device,
        sum(count_events) as count_events,
        sum(count_impressions) as count_impressions,
        sum(count_clicks) as count_clicks,
        sum(count_carts) as count_carts,
        sum(count_purchases) as count_purchases,
        sum(revenue) as revenue,
        min(started_at) as started_at,
        max(ended_at) as ended_at,
        max(loaded_at) as loaded_at
    from parts
    group by all

),

{% set session_columns -%}
        user_id,
        first_event,
        last_event,
        first_event_with_device,
        count_events,
        count_impressions,
        count_clicks,
        count_carts,
        count_purchases,
        revenue,
        started_at,
        ended_at,
        loaded_at
{%- endset %}
whole_sessions as (

    select
        {{ session_columns }}
    from neighboured
    where not continues_previous and not continues_in_next

    union all

    select
        {{ session_columns }}
    from joined_parts

),

sessions as (

    select
        *,
        concat_ws('-', user_id, epoch_us(started_at)) as session_id
    from whole_sessions

)
{% endif %}

select
    sessions.session_id,
    sessions.user_id,
    entries.event_type as entry_event_type,
    exits.event_type as exit_event_type,
    devices.device,
    cast(sessions.count_events as bigint) as count_events,
    cast(sessions.count_impressions as bigint) as count_impressions,
    cast(sessions.count_clicks as bigint) as count_clicks,
    cast(sessions.count_carts as bigint) as count_carts,
    cast(sessions.count_purchases as bigint) as count_purchases,
    date_diff('millisecond', sessions.started_at, sessions.ended_at) / 1000.0 as duration_seconds,
    coalesce(sessions.revenue, 0) as revenue,
    sessions.count_events = 1 as is_bounce,
    sessions.started_at,
    sessions.ended_at,
    sessions.loaded_at
from sessions
inner join kinds as entries on {{ kind_in_event_number('sessions.first_event') }} = entries.kind_number
inner join kinds as exits on {{ kind_in_event_number('sessions.last_event') }} = exits.kind_number
left join kinds as devices on {{ kind_in_event_number('sessions.first_event_with_device') }} = devices.kind_number
