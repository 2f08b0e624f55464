-- Which kind of users does the revenue of each arm come from?
--
-- Asked by: commercial managers, by region or any other attribute of the users.
-- How to read it: compare revenue_per_unit between the arms of one segment. Revenue counts from the day of first exposure on.
-- revenue_share says how much of the arm's revenue the segment brings. Differences between segments were not tested:
-- take them as a question for the next experiment.
-- Set `segment` to any attribute of your users table.
{%- set segment = 'region' %}

with

units as (

    select *
    from {{ ref('fct_experiment_units') }}
    where is_included

),

users as (

    select
        user_id,
        coalesce(attributes ->> '$.{{ segment }}', 'unknown') as segment
    from {{ ref('dim_users') }}

),

user_days as (

    select *
    from {{ ref('fct_user_days') }}

),

revenue_by_unit as (

    select
        units.experiment_id,
        units.variant_id,
        users.segment,
        units.unit_id,

        coalesce(sum(user_days.revenue), 0) as revenue
    from units
    inner join users on units.unit_id = users.user_id
    left join user_days
        on
            units.unit_id = user_days.user_id
            and user_days.activity_date >= cast(units.first_exposed_at as date)
    group by all

),

revenue_by_segment as (

    select
        experiment_id,
        segment,
        variant_id,

        count(*) as count_units,
        count(*) filter (where revenue > 0) as count_paying_units,
        sum(revenue) as revenue
    from revenue_by_unit
    group by all

),

with_shares as (

    select
        *,
        revenue / count_units as revenue_per_unit,
        count_paying_units / count_units as paying_rate,
        revenue / nullif(sum(revenue) over (partition by experiment_id, variant_id), 0) as revenue_share
    from revenue_by_segment

)

select *
from with_shares
order by
    experiment_id,
    segment,
    variant_id
