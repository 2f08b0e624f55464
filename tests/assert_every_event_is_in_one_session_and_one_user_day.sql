-- Sessions and user-days hold each event once, under its user and day, with its revenue, and so do the sums that data quality is
-- judged by. Sums weighted by the user's hash differ when an event is missing, doubled or under another user: one scan of
-- each table does for a join of all of them.

{%- set weight = 'cast(' ~ hash_of('user_id') ~ ' as decimal(38, 0))' %}

with

event_days as (

    select
        cast(occurred_at as date) as activity_date,

        count(*) as count_events,
        sum({{ weight }}) as weighted_events,
        coalesce(sum(revenue), 0) as revenue,
        sum(abs(revenue)) as absolute_revenue
    from {{ ref('stg_events') }}
    group by all

),

user_days as (

    select
        activity_date,

        sum(count_events) as count_events,
        sum(count_events * {{ weight }}) as weighted_events,
        sum(revenue) as revenue
    from {{ ref('fct_user_days') }}
    group by all

),

days_compared as (

    select
        'fct_user_days' as counted_in,
        coalesce(event_days.activity_date, user_days.activity_date) as activity_date,
        coalesce(event_days.count_events, 0) as count_events,
        coalesce(user_days.count_events, 0) as count_events_found,
        coalesce(event_days.weighted_events = user_days.weighted_events, false) as is_under_its_user,
        coalesce(event_days.revenue, 0) as revenue,
        coalesce(user_days.revenue, 0) as revenue_found,
        event_days.absolute_revenue
    from event_days
    full outer join user_days on event_days.activity_date = user_days.activity_date

),

all_events as (

    select
        coalesce(sum(count_events), 0) as count_events,
        coalesce(sum(weighted_events), 0) as weighted_events,
        coalesce(sum(revenue), 0) as revenue,
        coalesce(sum(absolute_revenue), 0) as absolute_revenue
    from event_days

),

all_sessions as (

    select
        coalesce(sum(count_events), 0) as count_events,
        coalesce(sum(count_events * {{ weight }}), 0) as weighted_events,
        coalesce(sum(revenue), 0) as revenue
    from {{ ref('fct_sessions') }}

),

sessions_compared as (

    select
        'fct_sessions' as counted_in,
        cast(null as date) as activity_date,
        all_events.count_events,
        all_sessions.count_events as count_events_found,
        all_events.weighted_events = all_sessions.weighted_events as is_under_its_user,
        all_events.revenue,
        all_sessions.revenue as revenue_found,
        all_events.absolute_revenue
    from all_events
    cross join all_sessions

),

loads as (

    select
        activity_date,

        sum(count_rows) as count_events
    from {{ ref('int_event_loads') }}
    where column_name = '*'
    group by all

),

loads_compared as (

    select
        'int_event_loads' as counted_in,
        coalesce(event_days.activity_date, loads.activity_date) as activity_date,
        coalesce(event_days.count_events, 0) as count_events,
        coalesce(loads.count_events, 0) as count_events_found,
        true as is_under_its_user,
        0 as revenue,
        0 as revenue_found,
        0 as absolute_revenue
    from event_days
    full outer join loads on event_days.activity_date = loads.activity_date

),

compared as (

    select *
    from days_compared

    union all

    select *
    from loads_compared

    union all

    select *
    from sessions_compared

)

select *
from compared
where
    count_events != count_events_found
    or not is_under_its_user
    or abs(revenue - revenue_found) > 1e-6 * coalesce(absolute_revenue, 0) + 1e-9
