-- Uplift and Qini curves of held-out scores.

select
    experiment_id,
    metric_name,
    treatment_variant_id,
    learner,
    curve,
    share_targeted,
    gain,
    random_gain,
    is_winner
from {{ ref('int_uplift_curves') }}
