-- Experiments whose effects are withheld. One row per experiment.

select
    experiment_id,
    'the registry says invalid' as reason
from {{ ref('experiments') }}
where status = 'invalid'
