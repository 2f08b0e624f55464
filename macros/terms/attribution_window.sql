{% macro attribution_window() -%}
    {#- How long before a conversion an impression may have been, to have a share in it. -#}
    interval '{{ var('attribution_window_minutes') }} minutes'
{%- endmacro %}
