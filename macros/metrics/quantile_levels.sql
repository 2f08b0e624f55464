{% macro quantile_levels(level) %}
    {#- The levels of lifthouse.statistics.quantiles.grid_levels, ascending: where to read an arm's quantiles for the error of one of them. -#}
    {% set below, above = [], [] %}
    {% for doubling in range(23) %}
        {% set step = 1.959963984540054 * (level * (1 - level) / (25 * 2 ** doubling)) ** 0.5 %}
        {% if level - step > 0 %}{% do below.append(level - step) %}{% endif %}
        {% if level + step < 1 %}{% do above.insert(0, level + step) %}{% endif %}
    {% endfor %}
    {{ return((below + [level] + above) | sort) }}
{% endmacro %}
