-- Does the click-through rate of the arms differ, and does the difference fade as the novelty wears off?
--
-- Asked by: the team that ranks or recommends items.
-- How to read it: click_rate is the share of impressions after exposure that were clicked inside the attribution window.
-- A difference that is large in the first days and shrinks is novelty. Days with few impressions swing: look at the counts.
-- The last 28 days are shown. The last day is understated as long as clicks on its impressions can still come.

with

impressions as (

    select
        *,
        cast(impressed_at as date) as impressed_date
    from {{ ref('fct_impressions') }}

),

units as (

    select *
    from {{ ref('fct_experiment_units') }}
    where is_included

),

click_rates as (

    select
        units.experiment_id,
        impressions.impressed_date,
        units.variant_id,

        count(distinct units.unit_id) as count_units,
        count(*) as count_impressions,
        count(*) filter (where impressions.count_clicks > 0) as count_clicked_impressions,
        count(*) filter (where impressions.count_clicks > 0) / count(*) as click_rate
    from units
    inner join impressions
        on
            units.unit_id = impressions.user_id
            and units.first_exposed_at <= impressions.impressed_at
    where impressions.impressed_date > (select max(latest.impressed_date) - 28 from impressions as latest)
    group by all

)

select *
from click_rates
order by
    experiment_id,
    impressed_date,
    variant_id
