-- Quantile metrics: the arm's quantiles on a grid of levels, and for each unit its events and how many lie at or below the
-- wanted quantile, reduced to sums; and from how many phases the units are. One row per experiment, metric, variant, dimension
-- and segment, as of the latest day.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('experiments') }}, {{ ref('int_units_segmented') }}
-- depends_on: {{ ref('int_events_measured') }}, {{ ref('fct_sessions') }}, {{ ref('stg_observations') }}
-- depends_on: {{ ref('int_experiment_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_experiments',
        post_hook='{{ remember_experiments() }}',
    )
}}
{%- set dimensions = segment_dimensions() %}
{%- for metric in used_metrics(['quantile']) %}
{%- set fact = metric.numerator.fact %}
{%- set levels = quantile_levels(metric.quantile) %}
{%- set measured_on = 'units.exposure_date' if fact.is_observed else 'cast(facts.happened_at as date)' %}
(
    with

    -- By themselves: the expression may name a column that units have too.
    facts as (

        select
            {% if fact.is_observed -%}
            experiment_id,
            {%- else -%}
            {{ fact.time }} as happened_at,
            {%- endif %}
            {{ fact.unit }} as unit_id,
            {{ measured(metric.numerator) }} as fact_value
        from {{ fact.relation }}

    ),

    measured as (

        select
            units.experiment_id,
            units.variant_id,
            units.unit_id,
            units.phase_id,
            {%- for dimension in dimensions %}
            units.{{ adapter.quote(dimension) }},
            {%- endfor %}
            {% if metric.quantile_over == 'units' -%}
            cast(sum(facts.fact_value) as double) as measured_value,
            max({{ measured_on }}) as measured_on
            {%- else -%}
            cast(facts.fact_value as double) as measured_value,
            {{ measured_on }} as measured_on
            {%- endif %}
        from {{ ref('int_units_segmented') }} as units
        inner join {{ ref('experiment_metrics') }} as registered
            on
                units.experiment_id = registered.experiment_id
                and registered.metric_name = '{{ metric.name }}'
        inner join {{ ref('experiments') }} as experiments on units.experiment_id = experiments.experiment_id
        inner join facts
            on
                units.unit_id = facts.unit_id
        {%- if fact.is_observed %}
                and units.experiment_id = facts.experiment_id
        {%- else %}
                and units.first_exposed_at <= facts.happened_at
        {%- if metric.window_days %}
                and facts.happened_at < units.first_exposed_at + interval '{{ metric.window_days }} days'
        {%- else %}
                and coalesce(experiments.ended_at > facts.happened_at, true)
        {%- endif %}
        {%- endif %}
        where
            {{ of_changed_experiments('units.experiment_id') }}
            and facts.fact_value is not null
        {%- if metric.quantile_over == 'units' %}
        group by all
        {%- endif %}

    ),

    latest_days as (

        select
            experiment_id,
            max(measured_on) as as_of_date,
            count(distinct phase_id) as count_phases
        from measured
        group by experiment_id

    ),

    sliced as (

        select
            experiment_id,
            variant_id,
            unit_id,
            'all' as dimension,
            'all' as segment,
            measured_value
        from measured
        {%- for dimension in dimensions %}

        union all

        select
            experiment_id,
            variant_id,
            unit_id,
            {{ quoted_text(dimension) }} as dimension,
            {{ adapter.quote(dimension) }} as segment,
            measured_value
        from measured
        {%- endfor %}

    ),

    grids as (

        select
            experiment_id,
            variant_id,
            dimension,
            segment,

            quantile_cont(measured_value, {{ levels }}) as grid_values,
            quantile_cont(measured_value, {{ metric.quantile }}) as quantile_value
        from sliced
        group by all

    ),

    units_below as (

        select
            sliced.experiment_id,
            sliced.variant_id,
            sliced.unit_id,
            sliced.dimension,
            sliced.segment,

            cast(count(*) filter (where sliced.measured_value <= grids.quantile_value) as double) as count_below,
            cast(count(*) as double) as count_values
        from sliced
        inner join grids
            on
                sliced.experiment_id = grids.experiment_id
                and sliced.variant_id = grids.variant_id
                and sliced.dimension = grids.dimension
                and sliced.segment = grids.segment
        group by all

    ),

    summed as (

        select
            experiment_id,
            variant_id,
            dimension,
            segment,

            count(*) as count_units,
            [sum(count_below), sum(count_values)] as sums,
            [sum(count_below * count_below), sum(count_below * count_values), sum(count_values * count_values)] as products
        from units_below
        group by all

    )

    select
        summed.experiment_id,
        '{{ metric.name }}' as metric_name,
        summed.variant_id,
        summed.dimension,
        summed.segment,
        cast({{ metric.quantile }} as double) as quantile,
        '{{ metric.quantile_over }}' as quantile_over,
        summed.count_units,
        summed.sums,
        summed.products,
        grids.grid_values,
        latest_days.as_of_date,
        latest_days.count_phases
    from summed
    inner join latest_days on summed.experiment_id = latest_days.experiment_id
    inner join grids
        on
            summed.experiment_id = grids.experiment_id
            and summed.variant_id = grids.variant_id
            and summed.dimension = grids.dimension
            and summed.segment = grids.segment
)
{{ 'union all' if not loop.last }}
{%- else %}
select
    experiment_id,
    metric_name,
    cast(null as varchar) as variant_id,
    cast(null as varchar) as dimension,
    cast(null as varchar) as segment,
    cast(null as double) as quantile,
    cast(null as varchar) as quantile_over,
    cast(0 as bigint) as count_units,
    cast([] as double[]) as sums,
    cast([] as double[]) as products,
    cast([] as double[]) as grid_values,
    cast(null as date) as as_of_date,
    cast(0 as bigint) as count_phases
from {{ ref('experiment_metrics') }}
where false
{%- endfor %}
