{% macro season(moment) -%}
    {#- The meteorological season of the northern hemisphere. -#}
    case
        when extract(month from {{ moment }}) in (12, 1, 2) then 'winter'
        when extract(month from {{ moment }}) in (3, 4, 5) then 'spring'
        when extract(month from {{ moment }}) in (6, 7, 8) then 'summer'
        else 'autumn'
    end
{%- endmacro %}
