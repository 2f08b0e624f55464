-- The first rule that fires for each treatment. One row per experiment and treatment variant.

with

verdicts as (

    select *
    from {{ ref('fct_experiment_verdicts') }}

),

posteriors as (

    select *
    from {{ ref('fct_experiment_posteriors') }}
    where is_latest and dimension = 'all' and role = 'primary'

),

counted as (

    select
        experiment_id,
        treatment_variant_id,
        max(as_of_date) as as_of_date,
        count(*) filter (where role = 'primary') as count_primary,
        count(*) filter (where role = 'guardrail') as count_guardrails,
        {%- for role, verdict in [
            ('primary', 'better'), ('primary', 'worse'), ('primary', 'not_worthwhile'), ('primary', 'no_estimate'),
            ('secondary', 'better'), ('secondary', 'worse'), ('guardrail', 'worse'), ('guardrail', 'undecided'), ('guardrail', 'no_estimate')
        ] %}
        count(*) filter (where role = '{{ role }}' and verdict = '{{ verdict }}') as count_{{ role }}_{{ verdict }},
        string_agg(metric_name, ', ' order by metric_name) filter (where role = '{{ role }}' and verdict = '{{ verdict }}')
            as {{ role }}_{{ verdict }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from verdicts
    group by experiment_id, treatment_variant_id
    -- Of a treatment without any data there is nothing to decide.
    having max(as_of_date) is not null

),

probabilities as (

    select
        experiment_id,
        treatment_variant_id,
        avg(probability_best) as probability_best
    from posteriors
    group by experiment_id, treatment_variant_id

),

ruled as (

    select
        *,
        case
            when count_guardrail_worse > 0 then 'guardrail_harmed'
            when count_primary_no_estimate = count_primary then 'no_primary_estimate'
            when count_primary_worse > 0 then 'primary_harmed'
            when count_primary_better > 0 and count_guardrail_undecided + count_guardrail_no_estimate > 0
                then 'guardrail_undecided'
            when count_primary_better > 0 then 'primary_improved'
            when count_secondary_better > 0 then 'only_secondary_improved'
            when count_primary_not_worthwhile = count_primary then 'no_worthwhile_effect'
            else 'undecided'
        end as rule
    from counted

)

select
    ruled.experiment_id,
    ruled.treatment_variant_id,
    case
        when ruled.rule = 'primary_improved' then 'ship'
        when ruled.rule in ('guardrail_harmed', 'primary_harmed') then 'roll_back'
        when ruled.rule = 'only_secondary_improved' then 'iterate'
        else 'hold'
    end as decision,
    ruled.rule,
    case ruled.rule
        when 'no_primary_estimate' then 'no primary metric has an estimate yet'
        when 'guardrail_harmed' then 'guardrails got worse beyond their margin: ' || ruled.guardrail_worse
        when 'primary_harmed' then 'primary metrics got worse: ' || ruled.primary_worse
        when 'guardrail_undecided' then
            'better in ' || ruled.primary_better || ', but harm beyond the margin is not ruled out for '
            || concat_ws(', ', ruled.guardrail_undecided, ruled.guardrail_no_estimate)
        when 'primary_improved' then
            'better in ' || ruled.primary_better
            || case ruled.count_guardrails when 0 then '; the registry names no guardrail' else ', and no guardrail got worse' end
            || coalesce('; mind that these got worse: ' || ruled.secondary_worse, '')
        when 'only_secondary_improved' then 'no primary metric moved, but these got better: ' || ruled.secondary_better
        when 'no_worthwhile_effect' then 'effects as large as the minimum detectable one are ruled out'
        else 'neither an effect nor its absence is shown yet'
    end as explanation,
    probabilities.probability_best,
    ruled.as_of_date
from ruled
left join probabilities
    on
        ruled.experiment_id = probabilities.experiment_id
        and ruled.treatment_variant_id = probabilities.treatment_variant_id
