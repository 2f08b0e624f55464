-- What to do with each experiment: the decision of its most promising treatment, the rule that fired, what it is worth in a year.

with

experiments as (

    select *
    from {{ ref('experiments') }}

),

treatments as (

    select *
    from {{ ref('int_treatment_decisions') }}

),

verdicts as (

    select *
    from {{ ref('fct_experiment_verdicts') }}

),

metrics as (

    select *
    from {{ ref('int_experiment_metrics') }}

),

posteriors as (

    select *
    from {{ ref('fct_experiment_posteriors') }}
    where is_latest and dimension = 'all'

),

variants as (

    select *
    from {{ ref('experiment_variants') }}

),

effects as (

    select effects_of_pairs.*
    from {{ ref('fct_experiment_effects') }} as effects_of_pairs
    inner join variants as controls
        on
            effects_of_pairs.experiment_id = controls.experiment_id
            and effects_of_pairs.control_variant_id = controls.variant_id
            and controls.is_control
    where
        effects_of_pairs.dimension = 'all'
        and effects_of_pairs.role = 'primary'
        and effects_of_pairs.inference = 'always_valid'
        and effects_of_pairs.is_significant

),

blocked as (

    select *
    from {{ ref('int_blocked_experiments') }}

),

chosen as (

    select *
    from treatments
    qualify row_number() over (
        partition by experiment_id
        order by
            case decision when 'ship' then 1 when 'iterate' then 2 when 'hold' then 3 else 4 end asc,
            probability_best desc nulls last,
            treatment_variant_id asc
    ) = 1

),

-- Money, where the registry says what a unit of a metric is worth: metrics that add up over units only. The value of a cost is
-- negative: its worst is the upper bound.
worths as (

    select
        treatments.experiment_id,
        treatments.treatment_variant_id,
        metrics.value_per_unit * verdicts.absolute_effect as value_effect,
        metrics.value_per_unit
        * case when metrics.value_per_unit < 0 then verdicts.absolute_ci_upper else verdicts.absolute_ci_lower end as value_lower,
        metrics.value_per_unit
        * case when metrics.value_per_unit < 0 then verdicts.absolute_ci_lower else verdicts.absolute_ci_upper end as value_upper,
        abs(metrics.value_per_unit) * posteriors.expected_loss
        * case posteriors.scale when 'relative' then abs(verdicts.mean_control) else 1 end as value_loss
    from treatments
    inner join metrics on treatments.experiment_id = metrics.experiment_id
    left join verdicts
        on
            treatments.experiment_id = verdicts.experiment_id
            and treatments.treatment_variant_id = verdicts.treatment_variant_id
            and metrics.metric_name = verdicts.metric_name
    left join posteriors
        on
            verdicts.experiment_id = posteriors.experiment_id
            and verdicts.metric_name = posteriors.metric_name
            and verdicts.treatment_variant_id = posteriors.treatment_variant_id
            and verdicts.variance_reduction = posteriors.variance_reduction
    where metrics.value_per_unit is not null and metrics.kind in ('mean', 'conversion', 'retention')

),

-- Of all of these metrics or of none: without one, the sum would leave out what it costs.
valued as (

    select
        experiment_id,
        treatment_variant_id,

        {%- for value in ['value_effect', 'value_lower', 'value_upper', 'value_loss'] %}
        case when count({{ value }}) = count(*) then sum({{ value }}) end as {{ value }},
        {%- endfor %}
        count(value_effect) as count_estimated
    from worths
    group by experiment_id, treatment_variant_id

),

-- The first day on which somebody who looked every day could have stopped.
stopped as (

    select
        verdicts.experiment_id,
        verdicts.treatment_variant_id,
        min(effects.as_of_date) as could_stop_on
    from verdicts
    inner join effects
        on
            verdicts.experiment_id = effects.experiment_id
            and verdicts.metric_name = effects.metric_name
            and verdicts.treatment_variant_id = effects.treatment_variant_id
            and verdicts.variance_reduction = effects.variance_reduction
    group by verdicts.experiment_id, verdicts.treatment_variant_id

)

select
    experiments.experiment_id,
    case
        when blocked.experiment_id is not null then 'blocked'
        when experiments.assignment = 'observational' then 'hold'
        else coalesce(chosen.decision, 'hold')
    end as decision,
    case
        when blocked.experiment_id is not null then 'not_trustworthy'
        when experiments.assignment = 'observational' then 'observational'
        else coalesce(chosen.rule, 'no_data')
    end as rule,
    case
        when blocked.experiment_id is not null then blocked.reason
        when experiments.assignment = 'observational' then 'nobody assigned the variants: see fct_treatment_effects'
        else coalesce(chosen.explanation, 'no metric that the registry names for it has data yet')
    end as explanation,
    chosen.treatment_variant_id,
    experiments.annual_units * valued.value_effect as annual_impact,
    experiments.annual_units * valued.value_lower as annual_impact_ci_lower,
    experiments.annual_units * valued.value_upper as annual_impact_ci_upper,
    experiments.annual_units * valued.value_loss as annual_expected_loss,
    case
        when experiments.annual_units * valued.value_upper is not null
            then greatest(-experiments.annual_units * valued.value_upper, 0)
    end as annual_expected_loss_ci_lower,
    case
        when experiments.annual_units * valued.value_lower is not null
            then greatest(-experiments.annual_units * valued.value_lower, 0)
    end as annual_expected_loss_ci_upper,
    experiments.annual_units * variants.cost_per_unit as annual_cost,
    valued.value_effect / nullif(variants.cost_per_unit, 0) - 1 as return_on_cost,
    valued.value_lower / nullif(variants.cost_per_unit, 0) - 1 as return_on_cost_ci_lower,
    valued.value_upper / nullif(variants.cost_per_unit, 0) - 1 as return_on_cost_ci_upper,
    case
        when blocked.experiment_id is not null or experiments.assignment = 'observational' then 'no effect may be read'
        when experiments.annual_units is null then 'the registry gives no annual_units'
        when chosen.experiment_id is null then 'no metric has data yet'
        when valued.experiment_id is null then 'no total or share of units has a value_per_unit'
        when valued.count_estimated = 0 then 'the metrics with a value have no estimate'
        when valued.value_effect is null then 'a metric with a value has no estimate'
    end as value_reason,
    stopped.could_stop_on,
    -- The end is exclusive: midnight belongs to no day. A metric's window may go on past it.
    case
        when stopped.could_stop_on >= cast(experiments.ended_at as date) then 0
        else date_diff('day', stopped.could_stop_on, cast(experiments.ended_at - interval '1 microsecond' as date))
    end as days_saved,
    chosen.as_of_date
from experiments
left join chosen on experiments.experiment_id = chosen.experiment_id
left join blocked on experiments.experiment_id = blocked.experiment_id
left join valued
    on
        experiments.experiment_id = valued.experiment_id
        and chosen.treatment_variant_id = valued.treatment_variant_id
left join stopped
    on
        experiments.experiment_id = stopped.experiment_id
        and chosen.treatment_variant_id = stopped.treatment_variant_id
left join variants
    on
        experiments.experiment_id = variants.experiment_id
        and chosen.treatment_variant_id = variants.variant_id
