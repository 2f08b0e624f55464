-- Whether any learner's scores are better than random, and which learner is best.

select
    experiment_id,
    metric_name,
    treatment_variant_id,
    learner,
    measure,
    propensity,
    reason,
    targeting_reason,
    value,
    random_value,
    standard_error,
    ci_lower,
    ci_upper,
    p_value,
    is_best,
    is_winner
from {{ ref('int_uplift_evaluation') }}
