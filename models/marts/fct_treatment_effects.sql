-- What treatments changed that people chose themselves, by several estimators.

select
    experiment_id,
    metric_name,
    control_variant_id,
    treatment_variant_id,
    population,
    dimension,
    segment,
    estimand,
    estimator,
    propensity_learner,
    outcome_learner,
    reason,
    count_control,
    count_treatment,
    estimate,
    standard_error,
    ci_lower,
    ci_upper,
    p_value,
    effective_sample_size
from {{ ref('int_treatment_effects') }}
