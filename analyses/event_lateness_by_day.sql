-- How much of each day's events came late, and has that got worse?
--
-- Asked by: the analytics engineer on duty, and whoever decides when a day's numbers may be shown.
-- How to read it: late_share is the share of the day's events that were loaded more than a day after they happened. A level is
-- normal for a tracker with offline devices; a jump is a broken pipeline. The last 60 days are shown; the newest are still
-- understated, because their late events have not come yet. count_duplicates and count_unusable were set aside.

with

data_quality as (

    select *
    from {{ ref('fct_data_quality') }}
    where
        input_name = 'events'
        and column_name = '*'

),

days as (

    select
        activity_date,

        max(value) filter (where measure = 'rows') as count_events,
        max(value) filter (where measure = 'late_share') as late_share,
        coalesce(max(value) filter (where measure = 'duplicate_rows'), 0) as count_duplicates,
        coalesce(max(value) filter (where measure = 'unusable_rows'), 0) as count_unusable,
        max(status) filter (where measure = 'rows') as volume_status
    from data_quality
    group by all

),

-- Unusable rows can claim any day; only days from which events were used are shown.
used_days as (

    select *
    from days
    where count_events is not null

),

recent_days as (

    select *
    from used_days
    where activity_date > (select max(latest.activity_date) - 60 from used_days as latest)

)

select *
from recent_days
order by activity_date
