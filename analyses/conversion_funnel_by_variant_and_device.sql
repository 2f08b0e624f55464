-- At which step do the arms of an experiment part, and on which device?
--
-- Asked by: the product manager and the designer of the pages between two steps.
-- How to read it: step_rate is the share of the users of the step before who went on; it is null for the first step.
-- funnel_rate is the share of the users who entered. Look for the step whose step_rate differs between the arms: that is where
-- the variant acts. The rows of device 'all' are the whole arm. The users' table, not the event, says which device is meant.

with

funnel_steps as (

    select *
    from {{ ref('fct_funnel_steps') }}
    where
        experiment_id != 'all'
        and lower(dimension) in ('all', 'device')

),

steps_by_device as (

    select
        experiment_id,
        funnel_name,
        dimension_value as device,
        step_number,
        step_name,
        variant_id,
        count_users,
        step_rate,
        funnel_rate
    from funnel_steps

)

select *
from steps_by_device
order by
    experiment_id,
    funnel_name,
    device,
    step_number,
    variant_id
