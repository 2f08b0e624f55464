-- Users with their attributes, and what was known of their behaviour before the day as_of_date.
{%- set by_tracker = var('session_source') == 'tracker' %}
{%- set habits = {
    'days_active': 'count(*)',
    'count_sessions': 'sum(count_sessions)',
    'count_impressions': 'sum(count_impressions)',
    'count_clicks': 'sum(count_clicks)',
    'count_carts': 'sum(count_carts)',
    'count_purchases': 'sum(count_purchases)',
} %}

with

user_days as (

    select
        *,
        {{ features_as_of() }} as as_of_date
    from {{ ref('fct_user_days') }}
    where activity_date < {{ features_as_of() }}

),

users as (

    select
        user_id,
        {{ attributes_as_json('users') }} as attributes
    from {{ ref('stg_users') }}

),

{% if by_tracker %}
events as (

    select *
    from {{ ref('stg_events') }}

),
{% endif %}

sessions_into_as_of as (

    select *
    from {{ ref('fct_sessions') }}
    where
        started_at < {{ features_as_of() }}
        and ended_at >= {{ features_as_of() }}

),

as_of as (

    select {{ features_as_of() }} as as_of_date

),

habits as (

    select
        user_id,

        arg_max(device, activity_date) as latest_device,
        {% for name, total in habits.items() %}
            cast({{ total }} as bigint) as lifetime_{{ name }},
        {% endfor %}
        sum(session_seconds) as lifetime_session_seconds,
        sum(revenue) as lifetime_revenue,
        {% for days in [7, 28] %}
            count(*) filter (where activity_date >= as_of_date - {{ days }}) as days_active_{{ days }}d,
            cast(coalesce(sum(count_purchases) filter (where activity_date >= as_of_date - {{ days }}), 0) as bigint)
                as count_purchases_{{ days }}d,
            coalesce(sum(revenue) filter (where activity_date >= as_of_date - {{ days }}), 0) as revenue_{{ days }}d,
        {% endfor %}
        min(activity_date) as first_active_date,
        max(activity_date) as last_active_date,
        max(last_event_at) as last_event_at
    from user_days
    group by all

),

{% if by_tracker %}
-- A tracker's sessions may overlap, so that the user's last event need not be this session's.
last_known_events as (

    select
        sessions_into_as_of.session_id,

        max(events.occurred_at) as last_event_at
    from sessions_into_as_of
    inner join events
        on
            sessions_into_as_of.user_id = events.user_id
            and sessions_into_as_of.session_id = {{ tracker_session_id('events.user_id', 'events.session_id') }}
    where
        events.occurred_at < {{ features_as_of() }}
        and events.occurred_at >= (select min(sessions_into_as_of.started_at) from sessions_into_as_of)
    group by all

),

{% endif %}
-- Of a session that goes on into as_of_date, what came after the last event before it was not known.
open_sessions as (

    select
        sessions_into_as_of.user_id,

        sum(date_diff('millisecond', last_known.last_event_at, sessions_into_as_of.ended_at) / 1000.0) as unknown_seconds
    from sessions_into_as_of
    {% if by_tracker %}
        inner join last_known_events as last_known on sessions_into_as_of.session_id = last_known.session_id
    {% else %}
        inner join habits as last_known on sessions_into_as_of.user_id = last_known.user_id
    {% endif %}
    group by all

)

select
    coalesce(habits.user_id, users.user_id) as user_id,
    habits.latest_device,
    users.attributes,
    {% for name in habits %}
        coalesce(habits.lifetime_{{ name }}, 0) as lifetime_{{ name }},
    {% endfor %}
    coalesce(habits.lifetime_revenue, 0) as lifetime_revenue,
    {% for days in [7, 28] %}
        coalesce(habits.days_active_{{ days }}d, 0) as days_active_{{ days }}d,
        coalesce(habits.count_purchases_{{ days }}d, 0) as count_purchases_{{ days }}d,
        coalesce(habits.revenue_{{ days }}d, 0) as revenue_{{ days }}d,
    {% endfor %}
    (habits.lifetime_session_seconds - coalesce(open_sessions.unknown_seconds, 0))
    / nullif(habits.lifetime_count_sessions, 0) as seconds_per_session,
    habits.lifetime_count_sessions / habits.lifetime_days_active as sessions_per_active_day,
    date_diff('day', habits.last_active_date, as_of.as_of_date) as days_since_active,
    date_diff('day', habits.first_active_date, as_of.as_of_date) as days_since_first_active,
    habits.first_active_date,
    habits.last_active_date,
    as_of.as_of_date
from users
full outer join habits on users.user_id = habits.user_id
left join open_sessions on habits.user_id = open_sessions.user_id
cross join as_of
