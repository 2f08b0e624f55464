-- Daily increments of each metric's sums about a pivot, at the finest grain. One row per experiment, metric, variant, day and
-- combination of segments; the mart rolls these up. Metrics that are observed a unit come from int_observed_moments.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_unit_states') }}, {{ ref('int_unit_retentions') }}
-- depends_on: {{ ref('int_unit_covariates') }}, {{ ref('int_metric_caps') }}, {{ ref('int_units_segmented') }}
-- depends_on: {{ ref('int_experiment_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_experiments',
        post_hook='{{ remember_experiments() }}',
    )
}}
{%- set dimensions = ['phase_id'] + segment_dimensions() %}
{%- set metrics = used_metrics(['mean', 'ratio', 'conversion', 'retention']) | rejectattr('is_observed') | list %}
{%- for metric in metrics %}
{%- set values = moment_values(metric) %}
{%- set covariates = values | selectattr('is_covariate') | list %}
(
    with

    states as (

        select
            states.experiment_id,
            states.unit_id,
            states.activity_date,
            {% if metric.kind == 'retention' -%}
            true as is_entry,
            true as is_latest,
            states.numerator as value_1,
            cast(null as double) as before_1
            {%- else -%}
            states.is_entry,
            states.is_latest,
            {%- for value in values if not value.is_covariate %}
            {{ capped(metric, 'states.' ~ value.expr) if loop.first else 'states.' ~ value.expr }} as value_{{ loop.index }},
            {{ capped(metric, 'states.' ~ value.expr ~ '_before') if loop.first else 'states.' ~ value.expr ~ '_before' }}
                as before_{{ loop.index }}{{ ',' if not loop.last }}
            {%- endfor %}
            {%- endif %}
        from {{ ref('int_unit_retentions') if metric.kind == 'retention' else ref('int_unit_states') }} as states
        {%- if metric.kind == 'retention' %}
        where
            states.metric_name = '{{ metric.name }}'
            and {{ of_changed_experiments('states.experiment_id') }}
        {%- else %}
        inner join {{ ref('experiment_metrics') }} as registered
            on
                states.experiment_id = registered.experiment_id
                and registered.metric_name = '{{ metric.name }}'
        {%- if has_caps(metric) %}
        left join {{ ref('int_metric_caps') }} as caps
            on
                states.experiment_id = caps.experiment_id
                and caps.metric_name = '{{ metric.name }}'
        {%- endif %}
        where {{ of_changed_experiments('states.experiment_id') }}
        {%- endif %}

    ),

    vectors as (

        select
            states.*,
            {%- for covariate in covariates %}
            cast(covariates.{{ covariate.expr }} as double) as value_{{ values.index(covariate) + 1 }},
            {%- endfor %}
            units.variant_id
            {%- for dimension in dimensions %},
            units.{{ dimension }}
            {%- endfor %}
        from states
        inner join {{ ref('int_units_segmented') }} as units
            on
                states.experiment_id = units.experiment_id
                and states.unit_id = units.unit_id
        {%- if covariates %}
        inner join {{ ref('int_unit_covariates') }} as covariates
            on
                states.experiment_id = covariates.experiment_id
                and states.unit_id = covariates.unit_id
        {%- endif %}

    ),

    pivots as (

        select
            experiment_id
            {%- for value in values %},
            coalesce(avg(value_{{ loop.index }}), 0) as pivot_{{ loop.index }}
            {%- endfor %}
        from vectors
        where is_latest
        group by experiment_id

    ),

    -- A unit adds what its values are now, less what they were: nothing yet on the day it enters.
    changes as (

        select
            vectors.*
            {%- for value in values %},
            pivots.pivot_{{ loop.index }},
            coalesce(vectors.value_{{ loop.index }} - pivots.pivot_{{ loop.index }}, 0) as now_{{ loop.index }},
            {%- if value.is_covariate %}
            case when vectors.is_entry then 0 else coalesce(vectors.value_{{ loop.index }} - pivots.pivot_{{ loop.index }}, 0) end
            {%- else %}
            case when vectors.is_entry then 0 else vectors.before_{{ loop.index }} - pivots.pivot_{{ loop.index }} end
            {%- endif %} as then_{{ loop.index }}
            {%- endfor %}
        from vectors
        inner join pivots on vectors.experiment_id = pivots.experiment_id

    )

    select
        experiment_id,
        '{{ metric.name }}' as metric_name,
        variant_id,
        {%- for dimension in dimensions %}
        {{ dimension }},
        {%- endfor %}
        activity_date,

        count(*) filter (where is_entry) as count_units,
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
            sum(now_{{ loop.index }} - then_{{ loop.index }}){{ ',' if not loop.last }}
            {%- endfor %}
        ] as sums,
        [
            {%- for one, other in packed_pairs(range(1, values | length + 1) | list) %}
            sum(now_{{ one }} * now_{{ other }} - then_{{ one }} * then_{{ other }}){{ ',' if not loop.last }}
            {%- endfor %}
        ] as products
    from changes
    group by all
)
union all
{%- endfor %}
select *
from {{ ref('int_observed_moments') }}
where {{ of_changed_experiments() }}
