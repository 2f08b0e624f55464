-- How many of the users exposed so far were active on each day, in each arm of each experiment?
--
-- Asked by: the product manager who watches a running experiment.
-- How to read it: compare active_rate between the arms of one day. Both arms fall over time, because the first days hold
-- the keenest users; only the distance between the arms says something about the variant. On the day of exposure what came
-- before it counts too. The last 28 days of each experiment are shown, to its end. For a verdict read fct_experiment_effects; a
-- daily distance is mostly noise.

with

user_days as (

    select *
    from {{ ref('fct_user_days') }}

),

units as (

    select
        *,
        cast(first_exposed_at as date) as first_exposed_date
    from {{ ref('fct_experiment_units') }}
    where is_included

),

experiments as (

    {{ experiment_ends() }}

),

active_dates as (

    select distinct activity_date
    from user_days

),

days as (

    select
        experiments.experiment_id,
        active_dates.activity_date
    from experiments
    inner join active_dates on experiments.ended_at > active_dates.activity_date

),

last_days as (

    select
        experiment_id,

        max(activity_date) as activity_date
    from days
    group by all

),

newly_exposed as (

    select
        experiment_id,
        variant_id,
        first_exposed_date,

        count(*) as count_units
    from units
    group by all

),

exposed as (

    select
        newly_exposed.experiment_id,
        newly_exposed.variant_id,
        days.activity_date,

        cast(sum(newly_exposed.count_units) as bigint) as count_exposed
    from newly_exposed
    inner join days
        on
            newly_exposed.experiment_id = days.experiment_id
            and newly_exposed.first_exposed_date <= days.activity_date
    inner join last_days on newly_exposed.experiment_id = last_days.experiment_id
    where days.activity_date > last_days.activity_date - 28
    group by all

),

active as (

    select
        units.experiment_id,
        units.variant_id,
        user_days.activity_date,

        count(*) as count_active
    from units
    inner join user_days
        on
            units.unit_id = user_days.user_id
            and units.first_exposed_date <= user_days.activity_date
    group by all

),

-- An experiment that came as observations has no days: it is left out rather than shown as inactive.
daily_active_users as (

    select
        exposed.experiment_id,
        exposed.activity_date,
        exposed.variant_id,
        exposed.count_exposed,
        coalesce(active.count_active, 0) as count_active,
        coalesce(active.count_active, 0) / exposed.count_exposed as active_rate
    from exposed
    left join active
        on
            exposed.experiment_id = active.experiment_id
            and exposed.variant_id = active.variant_id
            and exposed.activity_date = active.activity_date
    where exposed.experiment_id in (select active_experiments.experiment_id from active as active_experiments)

)

select *
from daily_active_users
order by
    experiment_id,
    activity_date,
    variant_id
