-- What treating whom is worth.

select
    experiment_id,
    metric_name,
    policy,
    treatment_variant_id,
    learner,
    rule,
    reason,
    budget_share,
    treated_share,
    value,
    standard_error,
    ci_lower,
    ci_upper,
    versus_random,
    versus_random_ci_lower,
    versus_random_ci_upper,
    versus_all,
    versus_all_ci_lower,
    versus_all_ci_upper,
    cost,
    profit,
    profit_ci_lower,
    profit_ci_upper,
    roi
from {{ ref('int_uplift_policies') }}
