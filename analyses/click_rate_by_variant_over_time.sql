-- Does the click-through rate of the arms differ, and does the difference fade as the novelty wears off?
--
-- Asked by: the team that ranks or recommends items.
-- How to read it: click_rate is the share of impressions after exposure that were clicked inside the attribution window.
-- A difference that is large in the first days and shrinks is novelty. Days with few impressions swing: look at the counts.
-- The last 28 days of each experiment are shown, to its end. The last day is understated as long as clicks on its impressions can
-- still come.

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

experiments as (

    {{ experiment_ends() }}

),

impressions_of_units as (

    select
        units.experiment_id,
        units.variant_id,
        units.unit_id,
        impressions.count_clicks,
        impressions.impressed_date
    from units
    inner join experiments on units.experiment_id = experiments.experiment_id
    inner join impressions
        on
            units.unit_id = impressions.user_id
            and units.first_exposed_at <= impressions.impressed_at
            and experiments.ended_at > impressions.impressed_at

),

last_days as (

    select
        experiment_id,

        max(impressed_date) as impressed_date
    from impressions_of_units
    group by all

),

click_rates as (

    select
        impressions_of_units.experiment_id,
        impressions_of_units.impressed_date,
        impressions_of_units.variant_id,

        count(distinct impressions_of_units.unit_id) as count_units,
        count(*) as count_impressions,
        count(*) filter (where impressions_of_units.count_clicks > 0) as count_clicked_impressions,
        count(*) filter (where impressions_of_units.count_clicks > 0) / count(*) as click_rate
    from impressions_of_units
    inner join last_days on impressions_of_units.experiment_id = last_days.experiment_id
    where impressions_of_units.impressed_date > last_days.impressed_date - 28
    group by all

)

select *
from click_rates
order by
    experiment_id,
    impressed_date,
    variant_id
