-- Where no learner is better than random there is neither a tier nor a policy that chooses units. By profit units may be chosen
-- all the same if a cost metric of the experiment has a winner.

with

winners as (

    -- 'any' is the treatment of policies that choose one: they need a winner for one.
    select distinct
        experiment_id,
        metric_name,
        unnest([treatment_variant_id, 'any']) as treatment_variant_id
    from {{ ref('fct_uplift_evaluation') }}
    where is_winner

),

winners_of_costs as (

    select
        winners.experiment_id,
        winners.treatment_variant_id
    from winners
    inner join {{ ref('experiment_metrics') }} as metrics
        on
            winners.experiment_id = metrics.experiment_id
            and winners.metric_name = metrics.metric_name
    where metrics.value_per_unit < 0

),

targeted as (

    select
        experiment_id,
        metric_name,
        treatment_variant_id,
        'tier' as means
    from {{ ref('fct_uplift_scores') }}
    where tier is not null
    union
    select
        experiment_id,
        metric_name,
        treatment_variant_id,
        policy as means
    from {{ ref('fct_targeting_policies') }}
    where policy not in ('treat_none', 'treat_all', 'random') and value is not null

)

select *
from targeted
where
    (experiment_id, metric_name, treatment_variant_id) not in (
        select (winners.experiment_id, winners.metric_name, winners.treatment_variant_id)
        from winners
    )
    and not (
        means in ('top_profit', 'best_arm', 'policy_tree')
        and (experiment_id, treatment_variant_id) in (
            select (winners_of_costs.experiment_id, winners_of_costs.treatment_variant_id)
            from winners_of_costs
        )
    )
