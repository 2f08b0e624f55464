-- Features are what was known before as_of_date: they count all of what happened before it, and no click, purchase or second of a
-- session from that day on. Of a session that goes on into it, they may count the seconds before it or fewer.

{%- set as_of_date = features_as_of() %}

with

user_features as (

    select
        coalesce(max(last_active_date), date '0001-01-01') as last_active_date,
        coalesce(sum(lifetime_days_active), 0) as days_active,
        coalesce(sum(lifetime_count_purchases), 0) as count_purchases,
        coalesce(sum(seconds_per_session * lifetime_count_sessions), 0) as session_seconds
    from {{ ref('dim_users') }}

),

known_days as (

    select
        count(*) as days_active,
        coalesce(sum(count_purchases), 0) as count_purchases
    from {{ ref('fct_user_days') }}
    where activity_date < {{ as_of_date }}

),

known_sessions as (

    select
        coalesce(sum(date_diff('millisecond', started_at, least(ended_at, {{ as_of_date }}))) / 1000.0, 0) as session_seconds,
        coalesce(sum(date_diff('millisecond', started_at, ended_at)) filter (where ended_at < {{ as_of_date }}) / 1000.0, 0)
            as ended_session_seconds
    from {{ ref('fct_sessions') }}
    where started_at < {{ as_of_date }}

),

context_features as (

    select
        coalesce(sum(count_impressions), 0) as count_impressions,
        coalesce(sum(count_clicks), 0) as count_clicks
    from {{ ref('dim_contexts') }}

),

known_impressions as (

    select count(*) as count_impressions
    from {{ ref('fct_impressions') }}
    where impressed_at < {{ as_of_date }} - {{ attribution_window() }}

),

known_credits as (

    select coalesce(sum(last_touch_credit), 0) as count_clicks
    from {{ ref('int_conversions_credited') }}
    where
        conversion_role = 'click'
        and impressed_at < {{ as_of_date }} - {{ attribution_window() }}
        and converted_at < {{ as_of_date }}

)

select
    user_features.last_active_date,
    user_features.days_active,
    known_days.days_active as known_days_active,
    user_features.count_purchases,
    known_days.count_purchases as known_count_purchases,
    user_features.session_seconds,
    known_sessions.session_seconds as known_session_seconds,
    known_sessions.ended_session_seconds,
    context_features.count_impressions,
    known_impressions.count_impressions as known_count_impressions,
    context_features.count_clicks,
    known_credits.count_clicks as known_count_clicks
from user_features
cross join known_days
cross join known_sessions
cross join context_features
cross join known_impressions
cross join known_credits
where
    user_features.last_active_date >= {{ as_of_date }}
    or user_features.days_active != known_days.days_active
    or user_features.count_purchases != known_days.count_purchases
    or user_features.session_seconds > known_sessions.session_seconds * (1 + 1e-9)
    or user_features.session_seconds < known_sessions.ended_session_seconds * (1 - 1e-9)
    or context_features.count_impressions != known_impressions.count_impressions
    or context_features.count_clicks != known_credits.count_clicks
