-- What each experiment says of each of its metrics: the one effect that counts, and its verdict. One row per experiment, metric
-- of the registry and treatment variant, also where there is no effect.
-- The effect is the latest, by the inference that fits how the experiment is run: fixed when it is completed; while it runs,
-- planned looks where units are planned, else what holds however often one looks. Adjusted for what was known before exposure
-- where possible.
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

unavailable_metrics as (

    select *
    from {{ ref('int_unavailable_metrics') }}

),

experiments as (

    select *
    from {{ ref('experiments') }}

),

variants as (

    select *
    from {{ ref('experiment_variants') }}

),

pairs as (

    select
        controls.experiment_id,
        controls.variant_id as control_variant_id,
        treatments.variant_id as treatment_variant_id
    from variants as controls
    inner join variants as treatments on controls.experiment_id = treatments.experiment_id
    where controls.is_control and not treatments.is_control

),

chosen_effects as (

    select effects.*
    from effects
    inner join pairs
        on
            effects.experiment_id = pairs.experiment_id
            and effects.control_variant_id = pairs.control_variant_id
            and effects.treatment_variant_id = pairs.treatment_variant_id
    inner join experiments on effects.experiment_id = experiments.experiment_id
    qualify row_number() over (
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
    ) = 1

),

-- A metric without any effect is asked about all the same: a guardrail that nobody measured must not pass for one that held.
asked as (

    select
        pairs.experiment_id,
        metrics.metric_name,
        pairs.control_variant_id,
        pairs.treatment_variant_id,
        metrics.role,
        metrics.kind,
        metrics.direction,
        effects.inference,
        effects.variance_reduction,
        case
            when effects.experiment_id is null then coalesce(unavailable_metrics.reason, 'no_data')
            else effects.reason
        end as reason,
        effects.relative_reason,
        effects.count_control,
        effects.count_treatment,
        effects.mean_control,
        effects.mean_treatment,
        effects.absolute_effect,
        effects.absolute_ci_lower,
        effects.absolute_ci_upper,
        effects.relative_effect,
        effects.relative_ci_lower,
        effects.relative_ci_upper,
        effects.p_value,
        effects.p_value_adjusted,
        metrics.minimum_detectable_effect,
        metrics.non_inferiority_margin,
        metrics.value_per_unit,
        effects.is_non_inferior,
        case metrics.direction when 'decrease' then -1 else 1 end as sign_of_good,
        effects.as_of_date
    from metrics
    inner join pairs on metrics.experiment_id = pairs.experiment_id
    left join chosen_effects as effects
        on
            pairs.experiment_id = effects.experiment_id
            and metrics.metric_name = effects.metric_name
            and pairs.treatment_variant_id = effects.treatment_variant_id
    left join unavailable_metrics on metrics.metric_name = unavailable_metrics.metric_name

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
    from asked

)

select
    experiment_id,
    metric_name,
    control_variant_id,
    treatment_variant_id,
    role,
    kind,
    direction,
    inference,
    variance_reduction,
    case
        when reason is not null then 'no_estimate'
        when is_sure and is_good then 'better'
        when role = 'guardrail' and is_within_margin then 'not_worse'
        when is_sure and not is_good then 'worse'
        when role = 'guardrail' and non_inferiority_margin is null then 'not_worse'
        when role != 'guardrail' and best_plausible_effect < minimum_detectable_effect then 'not_worthwhile'
        else 'undecided'
    end as verdict,
    reason,
    coalesce(reason, relative_reason) as relative_reason,
    count_control,
    count_treatment,
    mean_control,
    mean_treatment,
    absolute_effect,
    absolute_ci_lower,
    absolute_ci_upper,
    relative_effect,
    relative_ci_lower,
    relative_ci_upper,
    p_value,
    p_value_adjusted,
    minimum_detectable_effect,
    non_inferiority_margin,
    value_per_unit,
    as_of_date
from judged
