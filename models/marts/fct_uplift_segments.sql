-- Who is in which part of the range of predicted effects, and what effect is observed there.

select
    experiment_id,
    metric_name,
    treatment_variant_id,
    learner,
    segmentation,
    segment,
    profile,
    segment_order,
    count_control,
    count_treatment,
    share_of_units,
    mean_control,
    predicted_effect,
    observed_effect,
    observed_ci_lower,
    observed_ci_upper,
    is_winner
from {{ ref('int_uplift_segments') }}
