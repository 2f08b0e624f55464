-- Nobody reaches a step in order without the step before it, nor in order without having taken it at all; and every funnel has
-- all its steps.

with

steps as (

    select
        *,
        lag(count_users) over funnel as previous_count_users,
        lag(step_number, 1, 0) over funnel as previous_step_number,
        lead(step_number) over funnel as next_step_number
    from {{ ref('fct_funnel_steps') }}
    window
        funnel as (
            partition by funnel_name, experiment_id, variant_id, dimension, dimension_value
            order by step_number
        )

)

select *
from steps
where
    count_users > previous_count_users
    or count_users > count_users_in_any_order
    or step_number != previous_step_number + 1
    or (
        next_step_number is null
        and step_number is distinct from
        case funnel_name
            {% for funnel_name, funnel in var('funnels').items() %}
                when {{ quoted_text(funnel_name) }} then {{ funnel.steps | length }}
            {% endfor %}
        end
    )
