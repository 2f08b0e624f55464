-- When do users come, and when do they buy?
--
-- Asked by: whoever plans campaigns, releases and support shifts.
-- How to read it: one row per weekday (1 is Monday) and hour, both UTC. session_share is the share of all sessions and sums to
-- one. purchase_rate is the share of sessions with a purchase: an hour can be busy and sell little.

with

sessions as (

    select
        *,
        cast(extract(isodow from started_at) as integer) as day_of_week,
        cast(extract(hour from started_at) as integer) as hour_of_day
    from {{ ref('fct_sessions') }}

),

hours as (

    select
        day_of_week,
        hour_of_day,

        count(*) as count_sessions,
        count(*) / sum(count(*)) over () as session_share,
        median(duration_seconds) as median_duration_seconds,
        count(*) filter (where is_bounce) / count(*) as bounce_rate,
        count(*) filter (where count_purchases > 0) / count(*) as purchase_rate,
        sum(revenue) as revenue
    from sessions
    group by day_of_week, hour_of_day

)

select *
from hours
order by
    day_of_week,
    hour_of_day
