-- Experiments whose effects nobody may read as those of a sound randomised one, and why. One row per experiment.

with

experiments as (

    select *
    from {{ ref('experiments') }}

),

blocked as (

    select *
    from {{ ref('int_blocked_experiments') }}

)

select
    experiments.experiment_id,
    case
        when blocked.experiment_id is not null then 'blocked: ' || blocked.reason
        else 'observational: see fct_treatment_effects'
    end as reason
from experiments
left join blocked on experiments.experiment_id = blocked.experiment_id
where
    blocked.experiment_id is not null
    or experiments.assignment = 'observational'
