{% macro features_as_of() -%}
    {#-
        The day (UTC) before which everything that features may know has happened: see var features_as_of. Without events it is the day
        after the last exposure, and without either the day of the build.
    -#}
    {%- if var('features_as_of') -%}
        date '{{ var('features_as_of') }}'
    {%- else -%}
        (
            select
                coalesce(
                    max(latest.activity_date) + 1,
                    (select cast(max(units.first_exposed_at) as date) + 1 from {{ ref('fct_experiment_units') }} as units),
                    current_date
                )
            from {{ ref('fct_user_days') }} as latest
        )
    {%- endif -%}
{%- endmacro %}
