-- Guardrail: hardly a unit of one arm is like those of the other, so what weighting makes of the rest is a guess.
-- Remedy: docs/guardrails/overlap.md.
{{ config(tags=['guardrail']) }}

with

refutations as (

    select *
    from {{ ref('fct_refutations') }}

),

experiments as (

    select *
    from {{ ref('experiments') }}

)

select
    refutations.experiment_id,
    refutations.treatment_variant_id,
    refutations.statistic,
    refutations.reason,
    'see docs/guardrails/overlap.md, or set status to invalid in the registry' as remedy
from refutations
inner join experiments on refutations.experiment_id = experiments.experiment_id
where
    refutations.refuter = 'overlap'
    and refutations.verdict = 'fail'
    and experiments.status != 'invalid'
