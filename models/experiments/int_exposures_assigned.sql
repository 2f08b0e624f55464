-- Exposures held against the registry. One row per exposure; rejection_reason says why one does not count.

with

exposures as (

    select *
    from {{ ref('stg_exposures') }}

),

experiments as (

    select *
    from {{ ref('experiments') }}

),

variants as (

    select *
    from {{ ref('experiment_variants') }}

),

assigned as (

    select
        _row.experiment_id,
        _row.user_id as unit_id,
        _row.variant_id,
        case
            {{ unknown_to_registry() }}
            when _row.exposed_at < experiments.started_at then 'exposed before the experiment started'
            when _row.exposed_at >= experiments.ended_at then 'exposed after the experiment ended'
        end as rejection_reason,
        _row.exposed_at,
        _row as _raw_row -- noqa: RF02
    -- A column may be called as its table, and would be taken for the row.
    from exposures as _row
    left join experiments on _row.experiment_id = experiments.experiment_id
    left join variants
        on
            _row.experiment_id = variants.experiment_id
            and _row.variant_id = variants.variant_id

)

select
    experiment_id,
    unit_id,
    variant_id,
    rejection_reason,
    exposed_at,
    -- For the quarantine, attributes included.
    case when rejection_reason is not null then _raw_row end as _raw_row
from assigned
