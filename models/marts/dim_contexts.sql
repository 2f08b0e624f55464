-- The moments in which impressions are shown, and how they did before the day as_of_date.
-- An impression whose attribution window was still open then is left out: a click on it may have followed, or not yet.

with

impressions as (

    select *
    from {{ ref('fct_impressions') }}
    where impressed_at < {{ features_as_of() }} - {{ attribution_window() }}

)

select
    coalesce(device, 'unknown') as device,
    season,
    day_of_week,
    hour_of_day,

    {{ features_as_of() }} as as_of_date,
    count(*) as count_impressions,
    cast(sum(count_clicks) as bigint) as count_clicks,
    count(*) filter (where count_clicks > 0) / count(*) as click_rate
from impressions
group by all
