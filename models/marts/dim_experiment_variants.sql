-- The registry as BI reads it: the variants of each experiment and phase, and the share of units meant for each.

with

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

)

select
    variants.experiment_id,
    coalesce(phases.phase_id, 'all') as phase_id,
    variants.variant_id,
    experiments.description,
    experiments.assignment,
    experiments.status,
    -- Where there are phases, a variant that is in none of them gets nobody.
    case
        when phases.phase_id is null and variants.experiment_id in (select phased.experiment_id from phases as phased) then 0
        else coalesce(phases.expected_share, variants.expected_share)
    end as expected_share,
    variants.is_control,
    coalesce(phases.started_at, experiments.started_at) as started_at,
    coalesce(phases.ended_at, experiments.ended_at) as ended_at
from variants
inner join experiments on variants.experiment_id = experiments.experiment_id
left join phases
    on
        variants.experiment_id = phases.experiment_id
        and variants.variant_id = phases.variant_id
