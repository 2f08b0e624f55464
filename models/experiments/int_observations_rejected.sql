-- Observations of an experiment or a variant that the registry doesn't have, with the reason. One row per observation.

with

observations as (

    select *
    from {{ ref('stg_observations') }}

),

experiments as (

    select *
    from {{ ref('experiments') }}

),

variants as (

    select *
    from {{ ref('experiment_variants') }}

)

select
    observations.experiment_id,
    observations.unit_id,
    observations.variant_id,
    case
        {{ unknown_to_registry() }}
    end as rejection_reason,
    observations as _raw_row -- noqa: RF02
from observations
left join experiments on observations.experiment_id = experiments.experiment_id
left join variants
    on
        observations.experiment_id = variants.experiment_id
        and observations.variant_id = variants.variant_id
where variants.variant_id is null
