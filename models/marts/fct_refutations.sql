-- Whether estimated effects of self-chosen treatments survive attempts to refute them.

select
    experiment_id,
    metric_name,
    treatment_variant_id,
    estimand,
    estimator,
    refuter,
    verdict,
    reason,
    estimate,
    refuted_estimate,
    standard_error,
    p_value,
    statistic
from {{ ref('int_refutations') }}
