-- How alike the arms are in what was known before, without and with each weighting.

select
    experiment_id,
    treatment_variant_id,
    population,
    weighting,
    covariate,
    reason,
    mean_control,
    mean_treatment,
    standardised_difference,
    variance_ratio,
    effective_sample_size,
    is_balanced
from {{ ref('int_covariate_balance') }}
