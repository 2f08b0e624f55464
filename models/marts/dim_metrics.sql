-- The metrics that experiments can use, as the semantic layer declares them.
{%- set texts = ['name', 'kind', 'direction', 'quantile_over', 'prior_scale', 'description'] %}
{%- set numbers = ['quantile', 'prior_mean', 'prior_standard_deviation', 'cap_lower', 'cap_upper', 'cap_lower_percentile', 'cap_upper_percentile'] %}
{%- set days = ['window_days', 'lookback_days', 'retention_from_day', 'retention_to_day'] %}
{%- set definitions = metric_definitions() %}
{%- set metrics = [] %}
{%- for name in definitions | sort if not definitions[name].unsupported %}{% do metrics.append(definitions[name]) %}{% endfor %}

{% for metric in metrics %}
select
    {%- for name in texts %}
    {{ quoted_text(metric[name]) if metric[name] else 'cast(null as varchar)' }} as {{ 'metric_name' if name == 'name' else name }},
    {%- endfor %}
    {%- for name in numbers %}
    cast({{ metric[name] if metric[name] is not none else 'null' }} as double) as {{ name }},
    {%- endfor %}
    {%- for name in days %}
    cast({{ metric[name] if metric[name] is not none else 'null' }} as integer) as {{ name }},
    {%- endfor %}
    {{ metric.is_proportion | lower }} as is_proportion
{{ 'union all' if not loop.last }}
{%- else %}
select
    {%- for name in texts %}
    cast(null as varchar) as {{ 'metric_name' if name == 'name' else name }},
    {%- endfor %}
    {%- for name in numbers %}
    cast(null as double) as {{ name }},
    {%- endfor %}
    {%- for name in days %}
    cast(null as integer) as {{ name }},
    {%- endfor %}
    false as is_proportion
where false
{%- endfor %}
