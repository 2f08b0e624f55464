-- Units of each experiment with the variant they count for: that of the first exposure, if they saw no other. Where the
-- experiment asks for an activation, a unit counts from that event on; it was assigned, and belongs to a phase, at the exposure.
-- depends_on: {{ ref('stg_events') }}
{%- set is_activated = asks_for_activation() %}

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

variants as (

    select *
    from {{ ref('experiment_variants') }}

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
    inner join variants
        on
            observations.experiment_id = variants.experiment_id
            and observations.variant_id = variants.variant_id

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
{%- if is_activated %},

events as (

    select *
    from {{ ref('stg_events') }}

),

activations as (

    select
        units.experiment_id,
        units.unit_id,
        min(events.occurred_at) as activated_at
    from units
    inner join experiments on units.experiment_id = experiments.experiment_id
    inner join events
        on
            units.unit_id = events.user_id
            and experiments.activation_event_type = events.event_type
            and units.first_exposed_at <= events.occurred_at
            and coalesce(experiments.ended_at, timestamp 'infinity') > events.occurred_at
    group by units.experiment_id, units.unit_id

),

counted as (

    select
        units.*,
        coalesce(activations.activated_at, units.first_exposed_at) as counts_from,
        experiments.activation_event_type is null or activations.activated_at is not null as is_activated
    from units
    inner join experiments on units.experiment_id = experiments.experiment_id
    left join activations
        on
            units.experiment_id = activations.experiment_id
            and units.unit_id = activations.unit_id

)
{%- else %},

counted as (

    select
        *,
        first_exposed_at as counts_from,
        true as is_activated
    from units

)
{%- endif %}

select
    units.experiment_id,
    units.unit_id,
    units.variant_id,
    phases.phase_id,
    case
        when not units.is_in_one_variant then 'seen in more than one variant'
        when not units.is_activated then 'not activated'
    end as exclusion_reason,
    units.is_in_one_variant and units.is_activated as is_included,
    units.counts_from as first_exposed_at
from counted as units
left join phases
    on
        units.experiment_id = phases.experiment_id
        and units.variant_id = phases.variant_id
        and units.first_exposed_at >= phases.started_at
        and coalesce(units.first_exposed_at < phases.ended_at, true)
