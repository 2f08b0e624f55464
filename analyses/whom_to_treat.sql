-- Whom should the treatment go to, and what is that worth against treating everybody or as many at random?
--
-- Asked by: whoever pays for the treatment, once the experiment is over.
-- How to read it: value is what a policy adds to treating nobody, in the metric's unit per unit of all. Choose by profit where
-- there is one, else by value at the budget that there is. A reason in place of numbers says why targeting is withheld: treat all
-- or none.

with

policies as (

    select *
    from {{ ref('fct_targeting_policies') }}

)

select
    experiment_id,
    metric_name,
    policy,
    treatment_variant_id,
    budget_share,
    reason,
    round(treated_share, 3) as treated_share,
    round(value, 6) as value,
    round(ci_lower, 6) as ci_lower,
    round(ci_upper, 6) as ci_upper,
    round(versus_random, 6) as versus_random,
    round(versus_all, 6) as versus_all,
    round(profit, 4) as profit,
    round(roi, 3) as roi
from policies
where
    policy in ('treat_all', 'policy_tree')
    or (policy in ('top_profit', 'best_arm') and budget_share in (0.2, 0.5, 1.0))
order by experiment_id, metric_name, treatment_variant_id, policy, budget_share
