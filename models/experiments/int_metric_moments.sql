-- Daily increments of each metric's sums about a pivot, at the finest grain. One row per experiment, metric, variant, day and
-- combination of segments; the mart rolls these up. Here retentions, which a unit has from one day on for good, join what has
-- running totals (int_state_moments) and what is observed a unit (int_observed_moments).
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_unit_retentions') }}, {{ ref('int_unit_covariates') }}
-- depends_on: {{ ref('int_units_segmented') }}, {{ ref('int_experiment_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_experiments',
        post_hook='{{ remember_experiments() }}',
    )
}}
{%- set dimensions = ['phase_id'] + segment_dimensions() %}
{%- for metric in used_metrics(['retention']) %}
{%- set values = moment_values(metric) %}
{%- set covariates = values | selectattr('is_covariate') | list %}
(
    with

    vectors as (

        select
            retentions.experiment_id,
            retentions.activity_date,
            retentions.numerator as value_1,
            {%- for covariate in covariates %}
            {%- set number = 'cast(covariates.' ~ adapter.quote(covariate.expr) ~ ' as double)' %}
            {{ finite(number) }} as value_{{ values.index(covariate) + 1 }},
            {%- endfor %}
            units.variant_id
            {%- for dimension in dimensions %},
            units.{{ adapter.quote(dimension) }}
            {%- endfor %}
        from {{ ref('int_unit_retentions') }} as retentions
        inner join {{ ref('int_units_segmented') }} as units
            on
                retentions.experiment_id = units.experiment_id
                and retentions.unit_id = units.unit_id
        {%- if covariates %}
        inner join {{ ref('int_unit_covariates') }} as covariates
            on
                retentions.experiment_id = covariates.experiment_id
                and retentions.unit_id = covariates.unit_id
        {%- endif %}
        where
            retentions.metric_name = '{{ metric.name }}'
            and {{ of_changed_experiments('retentions.experiment_id') }}

    ),

    pivots as (

        select
            experiment_id
            {%- for value in values %},
            coalesce(avg(value_{{ loop.index }}), 0) as pivot_{{ loop.index }}
            {%- endfor %}
        from vectors
        group by experiment_id

    ),

    deviations as (

        select
            vectors.*
            {%- for value in values %},
            pivots.pivot_{{ loop.index }},
            coalesce(vectors.value_{{ loop.index }} - pivots.pivot_{{ loop.index }}, 0) as deviation_{{ loop.index }}
            {%- endfor %}
        from vectors
        inner join pivots on vectors.experiment_id = pivots.experiment_id

    )

    select
        experiment_id,
        '{{ metric.name }}' as metric_name,
        variant_id,
        {%- for dimension in dimensions %}
        {{ adapter.quote(dimension) }},
        {%- endfor %}
        activity_date,

        count(*) as count_units,
        [
            {%- for value in values %}
            '{{ value.name }}'{{ ',' if not loop.last }}
            {%- endfor %}
        ] as value_names,
        [
            {%- for value in values %}
            any_value(pivot_{{ loop.index }}){{ ',' if not loop.last }}
            {%- endfor %}
        ] as pivots,
        [
            {%- for value in values %}
            sum(deviation_{{ loop.index }}){{ ',' if not loop.last }}
            {%- endfor %}
        ] as sums,
        [
            {%- for one, other in packed_pairs(range(1, values | length + 1) | list) %}
            sum(deviation_{{ one }} * deviation_{{ other }}){{ ',' if not loop.last }}
            {%- endfor %}
        ] as products
    from deviations
    group by all
)
union all
{%- endfor %}
select *
from {{ ref('int_state_moments') }}
where {{ of_changed_experiments() }}
union all
select *
from {{ ref('int_observed_moments') }}
where {{ of_changed_experiments() }}
