-- What the latest effect says of each metric and treatment, by the inference that fits how the experiment is run: fixed when it
-- is completed; while it runs, planned looks where units are planned, else what holds however often one looks. Adjusted for what
-- was known before exposure where that was possible. One row per experiment, metric and treatment variant.
{%- set alpha = 1 - var('confidence') %}

with

effects as (

    select *
    from {{ ref('fct_experiment_effects') }}
    where is_latest and dimension = 'all' and variance_reduction in ('none', 'cuped')

),

metrics as (

    select *
    from {{ ref('int_experiment_metrics') }}

),

experiments as (

    select *
    from {{ ref('experiments') }}

),

controls as (

    select *
    from {{ ref('experiment_variants') }}
    where is_control

),

ranked as (

    select
        effects.*,
        metrics.direction,
        metrics.kind,
        metrics.minimum_detectable_effect,
        metrics.non_inferiority_margin,
        metrics.value_per_unit,
        case metrics.direction when 'decrease' then -1 else 1 end as sign_of_good,
        row_number() over (
            partition by effects.experiment_id, effects.metric_name, effects.treatment_variant_id
            order by
                case
                    when experiments.status = 'running' and effects.inference = 'group_sequential' then 1
                    when experiments.status = 'running' and effects.inference = 'always_valid' then 2
                    when effects.inference = 'fixed' then 3
                    else 4
                end,
                -- An adjusted effect is used unless it could not be computed, as in fct_experiment_power.
                effects.reason is not null,
                effects.variance_reduction
        ) as choice
    from effects
    inner join metrics
        on
            effects.experiment_id = metrics.experiment_id
            and effects.metric_name = metrics.metric_name
    inner join experiments on effects.experiment_id = experiments.experiment_id
    inner join controls
        on
            effects.experiment_id = controls.experiment_id
            and effects.control_variant_id = controls.variant_id

),

judged as (

    select
        *,
        sign_of_good * absolute_effect > 0 as is_good,
        -- All guardrails must hold, so that each is tested at the full error; success is claimed at the error of its family.
        case role when 'guardrail' then p_value else p_value_adjusted end < {{ alpha }} as is_sure,
        case
            when non_inferiority_margin is null then null
            when is_non_inferior is not null then is_non_inferior
            when sign_of_good = 1 then relative_ci_lower > -non_inferiority_margin
            else relative_ci_upper < non_inferiority_margin
        end as is_within_margin,
        case sign_of_good when 1 then relative_ci_upper else -relative_ci_lower end as best_plausible_effect
    from ranked
    where choice = 1

)

select
    experiment_id,
    metric_name,
    treatment_variant_id,
    role,
    kind,
    inference,
    variance_reduction,
    case
        when reason is not null then 'no_estimate'
        when is_sure and is_good then 'better'
        when role = 'guardrail' and is_within_margin then 'not_worse'
        when is_sure and not is_good then 'worse'
        when role = 'guardrail' and non_inferiority_margin is null then 'not_worse'
        when best_plausible_effect < minimum_detectable_effect then 'not_worthwhile'
        else 'undecided'
    end as verdict,
    reason,
    mean_control,
    absolute_effect,
    absolute_ci_lower,
    absolute_ci_upper,
    relative_effect,
    relative_ci_lower,
    relative_ci_upper,
    minimum_detectable_effect,
    value_per_unit,
    as_of_date
from judged
