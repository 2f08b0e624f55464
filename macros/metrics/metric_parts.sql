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
                'expr': measured(metric[side]),
                'lookback_days': metric.lookback_days,
                'first_day': metric.retention_from_day,
                'window_days': metric.retention_to_day + 1 if metric.kind == 'retention' else metric.window_days,
            }) %}
        {% endfor %}
    {% endfor %}
    {{ return(parts) }}
{% endmacro %}


{% macro measured(measure) -%}
    {#- What a row adds to a measure, of the type it has; a number that is infinite or none counts as missing, as null does. -#}
    {%- if measure.is_number -%}
        case when {{ finite('cast(' ~ measure.expr ~ ' as double)') }} is not null then {{ measure.expr }} end
    {%- else -%}
        {{ measure.expr }}
    {%- endif -%}
{%- endmacro %}


{% macro part_value(part) -%}
    {#-
        What a row adds to a part of its unit and day, null if nothing: a row in its window after exposure, or in its lookback before. What is
        counted once is counted with the first of these rows, before exposure and after.
    -#}
    {%- set counts -%}
        {%- if not part.lookback_days %}not is_before{% else %}(not is_before or seconds_since_exposure >= -86400 * {{ part.lookback_days }}){% endif %}
            {%- if part.window_days %}
            and (is_before or seconds_since_exposure < 86400 * {{ part.window_days }} and seconds_since_exposure >= 86400 * {{ part.first_day or 0 }})
            {%- else %}
            and (is_before or is_in_experiment)
            {%- endif %}
    {%- endset -%}
    case
        when {{ counts }}
            {%- if part.agg == 'count_distinct' %}
            and row_number() over (
                partition by of_experiment_id, of_unit_id, is_before, {{ counts }}, {{ part.expr }}
                order by happened_at
            ) = 1
            {%- endif %}
            then {{ 'cast(' ~ part.expr ~ ' as integer)' if part.agg == 'sum_boolean' else part.expr }}
    end
{%- endmacro %}


{% macro part_total(part) -%}
    {#- A part's total over the rows of a unit and day. -#}
    {%- set aggregate = {'count_distinct': 'count', 'sum_boolean': 'sum'}.get(part.agg, part.agg) -%}
    cast({{ aggregate }}({{ part.column }}) as double)
{%- endmacro %}
