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
    _row.experiment_id,
    _row.unit_id,
    _row.variant_id,
    case
        {{ unknown_to_registry() }}
    end as rejection_reason,
    _row as _raw_row -- noqa: RF02
-- A column may be called as its table, and would be taken for the row.
from observations as _row
left join experiments on _row.experiment_id = experiments.experiment_id
left join variants
    on
        _row.experiment_id = variants.experiment_id
        and _row.variant_id = variants.variant_id
where variants.variant_id is null
