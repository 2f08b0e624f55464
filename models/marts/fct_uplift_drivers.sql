-- Which covariates the predicted effect depends on.

select
    experiment_id,
    metric_name,
    treatment_variant_id,
    learner,
    covariate,
    permutation_importance,
    shap_importance,
    importance_rank,
    is_winner
from {{ ref('int_uplift_drivers') }}
