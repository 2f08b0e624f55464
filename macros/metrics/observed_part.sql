{% macro observed_part(part) -%}
    {#- A part's total over the one row of a unit in observations: what part_total is for a unit's days. -#}
    {%- if part.agg in ['count', 'count_distinct'] -%}
        cast({{ part.expr }} is not null as double)
    {%- elif part.agg == 'sum_boolean' -%}
        cast(cast({{ part.expr }} as integer) as double)
    {%- else -%}
        cast({{ part.expr }} as double)
    {%- endif -%}
{%- endmacro %}
