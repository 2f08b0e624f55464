{% macro metric_parts(metrics) %}
    {#-
        What has to be added up for these metrics: [{column, fact, agg, expr, window_days, lookback_days, first_day}], a part for each
        numerator and denominator. first_day and window_days bound the time since exposure in which activity counts.
    -#}
    {% set parts = [] %}
    {% for metric in metrics %}
        {% for side in ['numerator', 'denominator'] if metric[side] %}
            {% do parts.append({
                'column': metric.name ~ '__' ~ side,
                'fact': metric[side].fact,
                'agg': metric[side].agg,
                'expr': metric[side].expr,
                'lookback_days': metric.lookback_days,
                'first_day': metric.retention_from_day,
                'window_days': metric.retention_to_day + 1 if metric.kind == 'retention' else metric.window_days,
            }) %}
        {% endfor %}
    {% endfor %}
    {{ return(parts) }}
{% endmacro %}


{% macro part_total(part) -%}
    {#- A part's total over the rows of a unit and day: the rows in its window after exposure, or in its lookback before. -#}
    {%- set condition -%}
        case
            when is_before then {{ 'seconds_since_exposure >= -86400 * ' ~ part.lookback_days if part.lookback_days else 'false' }}
            {%- if part.window_days %}
            else seconds_since_exposure < 86400 * {{ part.window_days }} and seconds_since_exposure >= 86400 * {{ part.first_day or 0 }}
            {%- else %}
            else is_in_experiment
            {%- endif %}
        end
    {%- endset -%}
    {%- if part.agg == 'count_distinct' -%}
        count({{ part.expr }}) filter (where {{ part.column }}_occurrence = 1 and {{ condition }})
    {%- elif part.agg == 'sum_boolean' -%}
        sum(cast({{ part.expr }} as integer)) filter (where {{ condition }})
    {%- else -%}
        {{ part.agg }}({{ part.expr }}) filter (where {{ condition }})
    {%- endif -%}
{%- endmacro %}
