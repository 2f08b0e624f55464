-- Caps of metrics that declare any, in the metric's unit; a percentile is of units' latest totals, pooled over variants.
-- One row per experiment and metric.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_unit_states') }}, {{ ref('int_unit_observations') }}
{%- set ns = namespace(count=0) %}
{%- for metric in used_metrics(['mean']) if has_caps(metric) %}
{{ 'union all' if ns.count }}
select
    experiment_id,
    '{{ metric.name }}' as metric_name,
    {{ cap_of(metric, 'lower') }} as lower_cap,
    {{ cap_of(metric, 'upper') }} as upper_cap
from {{ ref('int_unit_observations') if metric.is_observed else ref('int_unit_states') }}
{%- if not metric.is_observed %}
where is_latest
{%- endif %}
group by experiment_id
{%- set ns.count = ns.count + 1 %}
{%- endfor %}
{%- if not ns.count %}
select
    experiment_id,
    metric_name,
    cast(null as double) as lower_cap,
    cast(null as double) as upper_cap
from {{ ref('experiment_metrics') }}
where false
{%- endif %}
