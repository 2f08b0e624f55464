-- What is believed of each effect after the data: probabilities, credible intervals, expected losses.

select
    experiment_id,
    metric_name,
    control_variant_id,
    treatment_variant_id,
    dimension,
    segment,
    variance_reduction,
    posterior,
    scale,
    role,
    reason,
    effect,
    ci_lower,
    ci_upper,
    standard_deviation,
    probability_beats_control,
    probability_best,
    probability_equivalent,
    expected_loss,
    expected_loss_of_control,
    is_latest,
    is_loss_acceptable,
    cast(as_of_date as date) as as_of_date
from {{ ref('int_experiment_posteriors') }}
