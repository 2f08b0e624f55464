-- Every included unit of an experiment with a best learner has that learner's score for every treatment, once. Sums of the units'
-- hashes differ when one is missing, doubled or another: no join of all of them is needed.

{%- set weight = 'cast(' ~ hash_of('unit_id') ~ ' as decimal(38, 0))' %}

with

best as (

    select
        experiment_id,
        metric_name,
        treatment_variant_id,
        learner
    from {{ ref('fct_uplift_evaluation') }}
    where is_best and measure in ('qini', 'uplift_area')

),

scored as (

    select
        experiment_id,
        metric_name,
        treatment_variant_id,
        learner,
        count(*) as count_scored,
        sum({{ weight }}) as weighted_units
    from {{ ref('fct_uplift_scores') }}
    where uplift is not null
    group by experiment_id, metric_name, treatment_variant_id, learner

),

expected as (

    select
        experiment_id,
        count(*) as count_units,
        sum({{ weight }}) as weighted_units
    from {{ ref('int_uplift_units') }}
    group by experiment_id

)

select
    best.experiment_id,
    best.metric_name,
    best.treatment_variant_id,
    scored.count_scored
from best
left join expected on best.experiment_id = expected.experiment_id
left join scored
    on
        best.experiment_id = scored.experiment_id
        and best.metric_name = scored.metric_name
        and best.treatment_variant_id = scored.treatment_variant_id
        and best.learner = scored.learner
where
    scored.count_scored is distinct from expected.count_units
    or scored.weighted_units is distinct from expected.weighted_units
    or scored.count_scored is null
