-- Units of each experiment with the variant they count for: that of the first exposure, if they saw no other.

with

exposures as (

    select *
    from {{ ref('int_exposures_assigned') }}
    where rejection_reason is null

),

observations as (

    select *
    from {{ ref('stg_observations') }}

),

experiments as (

    select *
    from {{ ref('experiments') }}

),

phases as (

    select *
    from {{ ref('experiment_phases') }}

),

all_exposures as (

    select
        experiment_id,
        unit_id,
        variant_id,
        exposed_at
    from exposures

    union all

    select
        observations.experiment_id,
        observations.unit_id,
        observations.variant_id,
        coalesce(observations.exposed_at, experiments.started_at) as exposed_at
    from observations
    inner join experiments on observations.experiment_id = experiments.experiment_id

),

units as (

    select
        experiment_id,
        unit_id,

        arg_min(variant_id, (exposed_at, variant_id)) as variant_id,
        min(variant_id) = max(variant_id) as is_in_one_variant,
        min(exposed_at) as first_exposed_at
    from all_exposures
    group by all

)

select
    units.experiment_id,
    units.unit_id,
    units.variant_id,
    phases.phase_id,
    case when not units.is_in_one_variant then 'seen in more than one variant' end as exclusion_reason,
    units.is_in_one_variant as is_included,
    units.first_exposed_at
from units
left join phases
    on
        units.experiment_id = phases.experiment_id
        and units.variant_id = phases.variant_id
        and units.first_exposed_at >= phases.started_at
        and units.first_exposed_at < phases.ended_at
