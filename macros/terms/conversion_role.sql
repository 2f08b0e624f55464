{% macro conversion_role() -%}
    {#- Which of the things that can follow an impression an event is; null for every other event. -#}
    case
        {%- for role in ['click', 'cart', 'purchase'] %}
        when {{ has_role(role) }} then '{{ role }}'
        {%- endfor %}
    end
{%- endmacro %}
