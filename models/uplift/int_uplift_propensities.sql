-- Chances of treatment of units that nobody assigned, of experiments with two arms. Units without overlap, whom hardly a unit of
-- the other arm is like, tell nothing of an effect: those out of Crump's bound, and the almost certain.
-- One row per experiment and unit.

with

scores as (

    select *
    from {{ ref('int_propensity_scores') }}

),

experiments as (

    select *
    from {{ ref('experiments') }}
    where assignment = 'observational'

),

variants as (

    select
        experiment_id,
        count(*) as count_variants
    from {{ ref('experiment_variants') }}
    group by experiment_id

)

select
    scores.experiment_id,
    scores.unit_id,
    scores.reason,
    scores.propensity,
    coalesce(not scores.is_trimmed and scores.propensity between 0.01 and 0.99, false) as has_overlap
from scores
inner join experiments on scores.experiment_id = experiments.experiment_id
inner join variants on scores.experiment_id = variants.experiment_id
where variants.count_variants = 2
