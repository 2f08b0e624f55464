-- Guardrail: an experiment got other shares of units than were meant. Its effects are withheld, the others go on.
-- Remedy: docs/guardrails/sample_ratio.md; once known to be broken, set its status to invalid in seeds/experiments.csv.
{{ config(tags=['guardrail']) }}

with

health as (

    select *
    from {{ ref('fct_experiment_health') }}

),

experiments as (

    select *
    from {{ ref('experiments') }}

)

select
    health.experiment_id,
    health.p_value,
    health.reason,
    'find the cause, or set status to invalid in the registry' as remedy
from health
inner join experiments on health.experiment_id = experiments.experiment_id
where
    health.is_blocking
    and experiments.status != 'invalid'
