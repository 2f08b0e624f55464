-- Guardrail: arms that nobody assigned differ in a covariate even after weighting, so their effect may be the covariate's.
-- Remedy: docs/guardrails/weighted_balance.md.
{{ config(tags=['guardrail']) }}

with

balance as (

    select *
    from {{ ref('fct_covariate_balance') }}

),

experiments as (

    select *
    from {{ ref('experiments') }}

)

select
    balance.experiment_id,
    balance.treatment_variant_id,
    balance.covariate,
    balance.standardised_difference,
    'see docs/guardrails/weighted_balance.md, or set status to invalid in the registry' as remedy
from balance
inner join experiments on balance.experiment_id = experiments.experiment_id
where
    balance.weighting = '{{ var("causal_estimand") }}'
    and balance.population = 'all'
    and not balance.is_balanced
    -- Few units differ by chance.
    and balance.effective_sample_size >= {{ var('causal_balance_from_units') }}
    and experiments.status != 'invalid'
