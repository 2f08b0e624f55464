-- Metrics that can't be computed since the data lack a column, or have text where a number is due. One row per metric.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('stg_users') }}
-- depends_on: {{ ref('int_events_measured') }}, {{ ref('fct_sessions') }}, {{ ref('stg_observations') }}
{%- set unavailable = unavailable_metrics(registered_metrics()) %}

{% for name in unavailable | sort %}
select
    {{ quoted_text(name) }} as metric_name,
    {{ quoted_text(unavailable[name]) }} as reason
{{ 'union all' if not loop.last }}
{%- else %}
select
    cast(null as varchar) as metric_name,
    cast(null as varchar) as reason
where false
{%- endfor %}
