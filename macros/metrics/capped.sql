{% macro capped(metric, expr, caps='caps.') -%}
    {#-
        A unit's total inside the caps that the metric declares, which are `caps`lower_cap and `caps`upper_cap; 1 or 0 for a metric that
        only asks whether it happened.
    -#}
    {%- if metric.kind in ['conversion', 'retention'] -%}
        cast({{ expr }} > 0 as double)
    {%- elif has_caps(metric) -%}
        greatest(least({{ expr }}, {{ caps }}upper_cap), {{ caps }}lower_cap)
    {%- else -%}
        {{ expr }}
    {%- endif -%}
{%- endmacro %}


{% macro has_caps(metric) %}
    {{ return(metric.cap_lower is not none or metric.cap_upper is not none or metric.cap_lower_percentile is not none or metric.cap_upper_percentile is not none) }}
{% endmacro %}


{% macro cap_of(metric, side) -%}
    {#- The cap of one side: declared, or the declared percentile of units' latest totals over all variants together; infinite if none. -#}
    {%- set value, percentile = metric['cap_' ~ side], metric['cap_' ~ side ~ '_percentile'] -%}
    {%- if value is not none -%}
        cast({{ value }} as double)
    {%- elif percentile is not none -%}
        quantile_cont({{ metric.name }}__numerator, {{ percentile }})
        {%- if metric.cap_ignores_zeros %} filter (where {{ metric.name }}__numerator != 0){% endif %}
    {%- else -%}
        cast('{{ 'infinity' if side == 'upper' else '-infinity' }}' as double)
    {%- endif -%}
{%- endmacro %}
