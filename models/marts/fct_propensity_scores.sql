-- How likely each unit was to be treated, given what was known of it before.

select
    experiment_id,
    treatment_variant_id,
    unit_id,
    variant_id,
    learner,
    reason,
    propensity,
    weight_ate,
    weight_att,
    weight_ato,
    fold,
    is_trimmed
from {{ ref('int_propensity_scores') }}
