-- Impressions with what followed each inside the attribution window, by last touch and shared by time decay.
{{
    config(
        materialized='incremental',
        incremental_strategy='delete+insert',
        unique_key='impression_id',
        on_schema_change='fail',
        post_hook='{{ remember_settings() }}',
    )
}}

{%- if is_incremental() %}
    {%- set is_new = "loaded_at > timestamp '" ~ loaded_since() ~ "'" %}
{%- endif %}

with

sessions as {{ inlined() }} (

    select *
    from {{ ref('fct_sessions') }}

),

credits as {{ inlined() }} (

    select *
    from {{ ref('int_conversions_credited') }}

),

{% if is_incremental() %}
-- An impression changes when it is new, when its share of a conversion does, or when its session does (as it does by a new one).
changed_sessions as (

    select *
    from {{ ref('fct_sessions') }}
    where {{ is_new }}

),

changed_credits as (

    select *
    from {{ ref('int_conversions_credited') }}
    where {{ is_new }}

),

{% endif %}
impressions as (

    select *
    from {{ ref('stg_events') }}
    where
        {{ has_role('impression') }}
        {% if is_incremental() %}
            -- Nothing earlier can change: said here, so that it is not read.
            and occurred_at >= least(
                (select min(changed_sessions.started_at) from changed_sessions),
                (select min(changed_credits.impressed_at) from changed_credits)
            )
        {% endif %}

),

{% if is_incremental() %}
touched_impressions as (

    select event_id
    from impressions
    where {{ is_new }}

    union

    select impression_id
    from changed_credits

    union

    select impressions.event_id
    from impressions
    inner join changed_sessions
        on
            impressions.user_id = changed_sessions.user_id
            and impressions.occurred_at between changed_sessions.started_at and changed_sessions.ended_at

),
{% endif %}

chosen_impressions as (

    select *
    from impressions
    {% if is_incremental() %}
        where event_id in (select touched_impressions.event_id from touched_impressions)
    {% endif %}

),

{% if var('session_source') == 'inactivity' %}
-- One row per user and span of the clock: joined by equality, which is cheaper than looking for the latest session before.
session_spans as (

    select
        session_id,
        user_id,
        loaded_at,
        {{ exploded_range(session_span('started_at'), session_span('ended_at')) }} as span
    from sessions
    {% if is_incremental() %}
        where ended_at >= (select min(chosen_impressions.occurred_at) from chosen_impressions)
    {% endif %}

),
{% endif %}

outcomes as (

    select
        impression_id,

        {% for role in ['click', 'cart', 'purchase'] %}
            sum(last_touch_credit) filter (where conversion_role = '{{ role }}') as count_{{ role }}s,
            sum(time_decay_credit) filter (where conversion_role = '{{ role }}') as decayed_{{ role }}s,
        {% endfor %}
        min(converted_at) filter (where conversion_role = 'click' and last_touch_credit = 1) as first_clicked_at,
        sum(revenue * last_touch_credit) as revenue,
        sum(revenue * time_decay_credit) as decayed_revenue,
        max(loaded_at) as loaded_at
    from credits
    {% if is_incremental() %}
        where impression_id in (select touched_impressions.event_id from touched_impressions)
    {% endif %}
    group by all

)

select
    chosen_impressions.event_id as impression_id,
    {% if var('session_source') == 'tracker' %}
        {{ tracker_session_id('chosen_impressions.user_id', 'chosen_impressions.session_id') }} as session_id,
    {% else %}
        session_spans.session_id,
    {% endif %}
    chosen_impressions.user_id,
    chosen_impressions.item_id,
    chosen_impressions.device,
    {{ season('chosen_impressions.occurred_at') }} as season,
    cast(extract(hour from chosen_impressions.occurred_at) as integer) as hour_of_day,
    cast(extract(isodow from chosen_impressions.occurred_at) as integer) as day_of_week,
    {% for role in ['click', 'cart', 'purchase'] %}
        cast(coalesce(outcomes.count_{{ role }}s, 0) as bigint) as count_{{ role }}s,
    {% endfor %}
    {% for role in ['click', 'cart', 'purchase'] %}
        coalesce(outcomes.decayed_{{ role }}s, 0) as decayed_{{ role }}s,
    {% endfor %}
    coalesce(outcomes.revenue, 0) as revenue,
    coalesce(outcomes.decayed_revenue, 0) as decayed_revenue,
    date_diff('millisecond', chosen_impressions.occurred_at, outcomes.first_clicked_at) / 1000.0 as seconds_to_click,
    chosen_impressions.occurred_at as impressed_at,
    greatest(
        chosen_impressions.loaded_at,
        {% if var('session_source') == 'inactivity' %}session_spans.loaded_at,{% endif %}
        outcomes.loaded_at
    ) as loaded_at
from chosen_impressions
left join outcomes on chosen_impressions.event_id = outcomes.impression_id
{% if var('session_source') == 'inactivity' %}
    left join session_spans
        on
            chosen_impressions.user_id = session_spans.user_id
            and {{ session_span('chosen_impressions.occurred_at') }} = session_spans.span
{% endif %}
