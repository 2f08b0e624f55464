-- What units did in an early and a late stretch of days after exposure, a day, reduced to sums: of primary metrics that add up
-- over days, and of units seen through both stretches, which lie in the experiment and in the metric's window. Values are less
-- their mean over all units, so that a small spread about a large mean keeps its digits; ratios are linear about theirs.
-- One row per experiment, metric and variant.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_unit_days') }}
-- depends_on: {{ ref('int_units_segmented') }}, {{ ref('int_experiment_inputs') }}
{{
    config(
        materialized='incremental',
        incremental_strategy='replace_experiments',
        post_hook='{{ remember_experiments() }}',
    )
}}
{%- set metrics = [] %}
{%- for metric in used_metrics(['mean', 'ratio'], role='primary') %}
{%- set aggs = [metric.numerator.agg, (metric.denominator or metric.numerator).agg] %}
{%- if not metric.numerator.fact.is_observed and aggs | reject('in', ['sum', 'sum_boolean', 'count']) | list | length == 0 %}
{%- do metrics.append(metric) %}
{%- endif %}
{%- endfor %}

with

days as {{ inlined() }} (

    select *
    from {{ ref('int_unit_days') }}
    where
        activity_date is not null
        and {{ of_changed_experiments() }}

),

-- Not after the end, which is exclusive: then only metrics with a window and retentions have activity, the others none.
last_days as (

    select
        days.experiment_id,
        least(max(days.activity_date), cast(any_value(experiments.ended_at) - interval '1 microsecond' as date)) as last_date
    from days
    inner join {{ ref('experiments') }} as experiments on days.experiment_id = experiments.experiment_id
    group by days.experiment_id

),

-- Two stretches of equal length fit into half of the time from the first exposure on; fewer than two days each say nothing.
spans as (

    select
        units.experiment_id,
        last_days.last_date,
        cast(least(floor(date_diff('day', min(units.exposure_date), last_days.last_date) / 4), 7) as integer) as stretch_days
    from {{ ref('int_units_segmented') }} as units
    inner join last_days on units.experiment_id = last_days.experiment_id
    group by units.experiment_id, last_days.last_date

),

units as (

    select
        segmented.experiment_id,
        segmented.unit_id,
        segmented.variant_id,
        segmented.exposure_date,
        spans.stretch_days
    from {{ ref('int_units_segmented') }} as segmented
    inner join spans on segmented.experiment_id = spans.experiment_id
    where
        spans.stretch_days >= 2
        and segmented.exposure_date <= spans.last_date - 2 * spans.stretch_days

),

stretches as (

    select
        units.experiment_id,
        units.unit_id,
        units.variant_id,
        units.stretch_days
        {%- for metric in metrics %}
        {%- for stretch, condition in [('early', '<'), ('late', '>=')] %}
        {%- for side in ['numerator', 'denominator'] if metric[side] %},
        coalesce(sum(days.{{ metric.name }}__{{ side }}) filter (
            where date_diff('day', units.exposure_date, days.activity_date) {{ condition }} units.stretch_days
        ), 0) / units.stretch_days as {{ metric.name }}__{{ side }}_{{ stretch }}
        {%- endfor %}
        {%- endfor %}
        {%- endfor %}
    from units
    left join days
        on
            units.experiment_id = days.experiment_id
            and units.unit_id = days.unit_id
            and date_diff('day', units.exposure_date, days.activity_date) < 2 * units.stretch_days
    group by units.experiment_id, units.unit_id, units.variant_id, units.stretch_days

)
{%- for metric in metrics %},

{{ metric.name }}_values as (

    select
        experiment_id,
        variant_id,
        {%- if metric.denominator %}
        {%- for stretch in ['early', 'late'] %}
        {%- set numerator, denominator = metric.name ~ '__numerator_' ~ stretch, metric.name ~ '__denominator_' ~ stretch %}
        ({{ numerator }} - {{ denominator }} * sum({{ numerator }}) over everyone / nullif(sum({{ denominator }}) over everyone, 0))
        / nullif(avg({{ denominator }}) over everyone, 0) as {{ stretch }}{{ ',' if not loop.last }}
        {%- endfor %}
        {%- else %}
        {{ metric.name }}__numerator_early - avg({{ metric.name }}__numerator_early) over everyone as early,
        {{ metric.name }}__numerator_late - avg({{ metric.name }}__numerator_late) over everyone as late
        {%- endif %}
    from stretches
    {%- if metric.window_days %}
    where 2 * stretch_days <= {{ metric.window_days }}
    {%- endif %}
    window everyone as (partition by experiment_id)

)
{%- endfor %}

{% for metric in metrics %}
select
    measured.experiment_id,
    '{{ metric.name }}' as metric_name,
    measured.variant_id,
    count(*) as count_units,
    [sum(measured.early), sum(measured.late)] as sums,
    [sum(measured.early * measured.early), sum(measured.early * measured.late), sum(measured.late * measured.late)] as products
from {{ metric.name }}_values as measured
inner join {{ ref('experiment_metrics') }} as registered
    on
        measured.experiment_id = registered.experiment_id
        and registered.metric_name = '{{ metric.name }}'
        and registered.role = 'primary'
where measured.early is not null and measured.late is not null
group by measured.experiment_id, measured.variant_id
{{ 'union all' if not loop.last }}
{%- else %}
select
    cast(null as varchar) as experiment_id,
    cast(null as varchar) as metric_name,
    cast(null as varchar) as variant_id,
    cast(null as bigint) as count_units,
    cast(null as double[]) as sums,
    cast(null as double[]) as products
where false
{%- endfor %}
