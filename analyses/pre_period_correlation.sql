-- How much would an experiment on revenue gain from what users did before it (CUPED)?
--
-- Asked by: the analyst who chooses the covariates of a metric.
-- How to read it: the correlation, inside the arms, of revenue in the week from first exposure on with what the user did in the
-- two weeks before. variance_reduction_rate is its square: the share of the variance that CUPED removes.
-- equivalent_sample_gain is how many times as many units the same precision would need without it. Only units whose week was
-- over count, those that were never active too. A null is a covariate that does not vary.
{%- set days_before = 14 %}
{%- set days_after = 7 %}
{%- set covariates = ['revenue', 'count_events', 'count_clicks', 'count_purchases', 'days_active'] %}

with

user_days as (

    select
        *,
        1 as days_active
    from {{ ref('fct_user_days') }}

),

last_day as (

    select max(activity_date) as last_date
    from user_days

),

units as (

    select
        experiment_id,
        variant_id,
        unit_id,
        cast(first_exposed_at as date) as first_exposed_date
    from {{ ref('fct_experiment_units') }}
    where is_included

),

-- One that came as observations has no days.
active_experiments as (

    select distinct experiment_id
    from units
    where unit_id in (select user_days.user_id from user_days)

),

mature_units as (

    select units.*
    from units
    cross join last_day
    where
        units.first_exposed_date + {{ days_after }} <= last_day.last_date
        and units.experiment_id in (select active_experiments.experiment_id from active_experiments)

),

activity as (

    select
        mature_units.experiment_id,
        mature_units.variant_id,
        mature_units.unit_id,

        {% for covariate in covariates %}
            coalesce(sum(user_days.{{ covariate }}) filter (where user_days.activity_date < mature_units.first_exposed_date), 0)
                as {{ covariate }},
        {% endfor %}
        coalesce(sum(user_days.revenue) filter (where user_days.activity_date >= mature_units.first_exposed_date), 0) as outcome
    from mature_units
    left join user_days
        on
            mature_units.unit_id = user_days.user_id
            and user_days.activity_date >= mature_units.first_exposed_date - {{ days_before }}
            and user_days.activity_date < mature_units.first_exposed_date + {{ days_after }}
    group by all

),

-- Within an arm: a correlation over all units would take the effect of the variant for predictability.
centered as (

    select
        experiment_id,
        {% for covariate in covariates %}
            {{ covariate }} - avg({{ covariate }}) over arm as {{ covariate }},
        {% endfor %}
        outcome - avg(outcome) over arm as outcome
    from activity
    window arm as (partition by experiment_id, variant_id)

),

correlations as (

    {% for covariate in covariates %}
        select
            experiment_id,
            '{{ covariate }}' as covariate,

            count(*) as count_units,
            corr(outcome, {{ covariate }}) as raw_correlation
        from centered
        group by all
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

gains as (

    select
        experiment_id,
        covariate,
        count_units,
        case when not isnan(raw_correlation) then raw_correlation end as correlation,
        case when not isnan(raw_correlation) then pow(raw_correlation, 2) end as variance_reduction_rate,
        case when not isnan(raw_correlation) then 1 / nullif(1 - pow(raw_correlation, 2), 0) end as equivalent_sample_gain
    from correlations

)

select *
from gains
order by
    experiment_id,
    covariate
