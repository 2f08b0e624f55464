{% macro as_of_join(left, right, keys, condition) %}
    {#- For each row of left the latest row of right with equal keys for which `left.time >= right.time` (or >); null if none. -#}
    {{- return(adapter.dispatch('as_of_join')(left, right, keys, condition)) -}}
{% endmacro %}

{% macro default__as_of_join(left, right, keys, condition) -%}
    asof left join {{ right }}
        on {% for key in keys %}{{ left }}.{{ key }} = {{ right }}.{{ key }} and {% endfor %}{{ condition }}
{%- endmacro %}
