{% macro ten_digits(column) -%}
    {#- A number rounded to ten significant digits. -#}
    case
        when {{ column }} = 0 then 0
        else round({{ column }}, cast(9 - floor(log10(abs({{ column }}))) as integer))
    end
{%- endmacro %}
