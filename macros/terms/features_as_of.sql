{% macro features_as_of() -%}
    {#- The day (UTC) before which everything that features may know has happened: see var features_as_of. -#}
    {%- if var('features_as_of') -%}
        date '{{ var('features_as_of') }}'
    {%- else -%}
        (select max(latest.activity_date) + 1 from {{ ref('fct_user_days') }} as latest)
    {%- endif -%}
{%- endmacro %}
