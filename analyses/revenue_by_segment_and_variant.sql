-- Which kind of users does the revenue of each arm come from?
--
-- Asked by: commercial managers, by region or any other attribute of the users.
-- How to read it: compare revenue_per_unit between the arms of one segment. Revenue counts from the day of first exposure to the
-- experiment's end.
-- revenue_share says how much of the arm's revenue the segment brings. Differences between segments were not tested:
-- take them as a question for the next experiment. Units that the users table doesn't know are in segment unknown; an experiment
-- none of whose units ever was active came as observations, and is left out.
-- Set `segment` to any attribute of your users table, in any case.
{%- set segment = 'region' %}

with

units as (

    select *
    from {{ ref('fct_experiment_units') }}
    where is_included

),

experiments as (

    {{ experiment_ends() }}

),

user_attributes as (

    select
        user_id,
        attributes,
        unnest(json_keys(attributes)) as attribute
    from {{ ref('dim_users') }}

),

user_segments as (

    select
        user_id,
        attributes ->> ('$."' || attribute || '"') as segment
    from user_attributes
    where lower(attribute) = lower({{ quoted_text(segment) }})

),

user_days as (

    select *
    from {{ ref('fct_user_days') }}

),

-- A unit that was never active, nor is in the users table, counts all the same: without revenue.
revenue_by_unit as (

    select
        units.experiment_id,
        units.variant_id,
        coalesce(user_segments.segment, 'unknown') as segment,
        units.unit_id,

        count(user_days.user_id) as days_active,
        coalesce(sum(user_days.revenue), 0) as revenue
    from units
    inner join experiments on units.experiment_id = experiments.experiment_id
    left join user_segments on units.unit_id = user_segments.user_id
    left join user_days
        on
            units.unit_id = user_days.user_id
            and user_days.activity_date >= cast(units.first_exposed_at as date)
            and experiments.ended_at > user_days.activity_date
    group by all

),

active_experiments as (

    select distinct experiment_id
    from revenue_by_unit
    where days_active > 0

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
    where experiment_id in (select active_experiments.experiment_id from active_experiments)
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
