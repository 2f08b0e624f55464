{% macro asks_for(metrics) -%}
    {#- Whether a row's experiment asks for one of these metrics. -#}
    {%- if metrics -%}
        experiment_id in (
            select registered.experiment_id
            from {{ ref('experiment_metrics') }} as registered
            where registered.metric_name in ({{ quoted_texts(metrics | map(attribute='name')) }})
        )
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}
