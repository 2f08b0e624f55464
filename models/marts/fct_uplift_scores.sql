-- The effect of a treatment on each unit: out of fold for the units that were fitted, by the final model for the others.
-- depends_on: {{ ref('int_uplift_drifts') }}, which compares them with the table this one replaces

select
    experiment_id,
    treatment_variant_id,
    metric_name,
    unit_id,
    learner,
    tier,
    fold,
    uplift,
    uplift_ci_lower,
    uplift_ci_upper,
    is_winner,
    is_best_treatment
from {{ ref('int_uplift_scores') }}
