-- Which effects are modelled unit by unit: of the metrics named in var uplift_metrics, or of each experiment's primary metrics,
-- those with a value and retentions, if they are one number a unit; and, because profit needs them, of the costs of an experiment
-- with such an effect: metrics whose value is negative. One row per experiment and metric.
{%- set named = var('uplift_metrics') %}

with

metrics as (

    select
        *,
        kind in ('mean', 'conversion', 'retention') as is_one_number_a_unit,
        {% if named -%}
        experiment_id || '.' || metric_name in ({{ quoted_texts(named) }}) as is_named
        {%- else -%}
        kind in ('mean', 'conversion', 'retention')
        and (role = 'primary' or value_per_unit is not null or kind = 'retention') as is_named
        {%- endif %}
    from {{ ref('int_experiment_metrics') }}

),

-- Units of all phases are taken together, which needs one chance of each arm: every share has to be in every phase.
phases as (

    select
        experiment_id,
        count(*) < count(distinct phase_id) * count(distinct concat_ws(' ', expected_share, variant_id)) as has_changed_shares
    from {{ ref('experiment_phases') }}
    where expected_share > 0
    group by experiment_id

),

arms as (

    select
        experiment_id,
        count(*) as count_arms
    from {{ ref('experiment_variants') }}
    group by experiment_id

),

propensities as (

    select
        experiment_id,
        any_value(reason) as reason,
        avg(cast(has_overlap as integer)) as overlapping_share
    from {{ ref('int_uplift_propensities') }}
    group by experiment_id

),

named_experiments as (

    select distinct experiment_id
    from metrics
    where is_named

)

select
    metrics.experiment_id,
    metrics.metric_name,
    metrics.direction,
    case
        when not metrics.is_one_number_a_unit then 'not_one_number_a_unit'
        when blocked.experiment_id is not null then 'blocked: ' || blocked.reason
        when phases.has_changed_shares then 'allocation_changed'
        when experiments.assignment = 'randomised' then null
        when arms.count_arms > 2 then 'arms_not_assigned: more than two'
        when propensities.experiment_id is null then 'no_propensity: no units'
        when propensities.reason is not null then 'no_propensity: ' || propensities.reason
        when propensities.overlapping_share < 0.5
            then 'poor_overlap: ' || cast(round(100 * propensities.overlapping_share) as integer) || '% of units'
    end as reason,
    metrics.value_per_unit,
    metrics.is_proportion,
    experiments.assignment = 'randomised' as is_randomised
from metrics
inner join {{ ref('experiments') }} as experiments on metrics.experiment_id = experiments.experiment_id
left join arms on metrics.experiment_id = arms.experiment_id
left join propensities on metrics.experiment_id = propensities.experiment_id
left join named_experiments on metrics.experiment_id = named_experiments.experiment_id
left join {{ ref('int_blocked_experiments') }} as blocked on metrics.experiment_id = blocked.experiment_id
left join phases on metrics.experiment_id = phases.experiment_id
where
    metrics.is_named
    or (
        named_experiments.experiment_id is not null
        and metrics.is_one_number_a_unit
        and metrics.value_per_unit < 0
    )
