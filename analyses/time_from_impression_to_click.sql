-- How long do users look before they click, and is the attribution window long enough?
--
-- Asked by: the team that ranks or recommends items, and whoever sets attribution_window_minutes.
-- How to read it: seconds from an impression to the first click it led to, over everything ('all') and by arm from exposure to
-- the experiment's end. If the 95th percentile is close to the window, the window cuts clicks off. A faster arm is not a better
-- arm.

with

clicked_impressions as (

    select *
    from {{ ref('fct_impressions') }}
    where seconds_to_click is not null

),

units as (

    select *
    from {{ ref('fct_experiment_units') }}
    where is_included

),

experiments as (

    {{ experiment_ends() }}

),

clicks as (

    select
        'all' as experiment_id,
        'all' as variant_id,
        seconds_to_click
    from clicked_impressions

    union all

    select
        units.experiment_id,
        units.variant_id,
        clicked_impressions.seconds_to_click
    from units
    inner join experiments on units.experiment_id = experiments.experiment_id
    inner join clicked_impressions
        on
            units.unit_id = clicked_impressions.user_id
            and units.first_exposed_at <= clicked_impressions.impressed_at
            and experiments.ended_at > clicked_impressions.impressed_at

),

times_to_click as (

    select
        experiment_id,
        variant_id,

        count(*) as count_clicked_impressions,
        quantile_cont(seconds_to_click, 0.05) as p05_seconds,
        quantile_cont(seconds_to_click, 0.5) as median_seconds,
        quantile_cont(seconds_to_click, 0.95) as p95_seconds,
        count(*) filter (where seconds_to_click <= 60) / count(*) as within_a_minute_share
    from clicks
    group by all

)

select *
from times_to_click
order by
    experiment_id,
    variant_id
