{% macro reason_of_metric(table) -%}
    {#- Why a row of a metric has no numbers: of one in unavailable_metrics nothing is known, however many units there are. -#}
    case
        when {{ table }}.reason = 'no_units' then coalesce(unavailable_metrics.reason, {{ table }}.reason)
        else {{ table }}.reason
    end
{%- endmacro %}
