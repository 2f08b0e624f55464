-- Where no learner is better than random there is neither a tier nor a policy that ranks units.

with

winners as (

    select distinct
        experiment_id,
        metric_name,
        treatment_variant_id
    from {{ ref('fct_uplift_evaluation') }}
    where is_winner

),

targeted as (

    select
        experiment_id,
        metric_name,
        treatment_variant_id
    from {{ ref('fct_uplift_scores') }}
    where tier is not null
    union
    select
        experiment_id,
        metric_name,
        treatment_variant_id
    from {{ ref('fct_targeting_policies') }}
    where policy in ('top_uplift', 'top_profit', 'tier_budget') and value is not null

)

select targeted.*
from targeted
left join winners
    on
        targeted.experiment_id = winners.experiment_id
        and targeted.metric_name = winners.metric_name
        and targeted.treatment_variant_id = winners.treatment_variant_id
where winners.experiment_id is null
