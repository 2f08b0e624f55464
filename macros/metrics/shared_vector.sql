{% macro shared_vector(metrics) %}
    {#-
        The moments of observed metrics as one vector of a unit, in which what several metrics have in common is there once:
        values, SQL over int_unit_observations as observed and caps as caps; products, pairs of places among the values; and places,
        where each metric's own moment_values are, by its name. Places count from 1.
    -#}
    {% set keys, values, products, places = [], [], [], {} %}
    {% for metric in metrics %}
        {% set own = [] %}
        {% for value in moment_values(metric) %}
            {% if value.is_covariate %}
                {% set key, sql = value.expr, 'observed.' ~ value.expr ~ '__covariate' %}
            {% else %}
                {% set part = metric.denominator if value.name == 'denominator' else metric.numerator %}
                {% set column, is_capped = 'observed.' ~ value.expr, loop.first and (has_caps(metric) or metric.kind == 'conversion') %}
                {% set sql = capped(metric, column, caps='caps.' ~ metric.name ~ '__') if loop.first else column %}
                {% set key = [metric.name] if is_capped else [part.fact.name, part.agg, part.expr] %}
            {% endif %}
            {% if key not in keys %}
                {% do keys.append(key) %}
                {% do values.append({'sql': sql, 'is_covariate': value.is_covariate}) %}
            {% endif %}
            {% do own.append(keys.index(key) + 1) %}
        {% endfor %}
        {% for pair in packed_pairs(own) if pair not in products %}
            {% do products.append(pair) %}
        {% endfor %}
        {% do places.update({metric.name: own}) %}
    {% endfor %}
    {{ return({'values': values, 'products': products, 'places': places}) }}
{% endmacro %}


{% macro packed_pairs(places) %}
    {#- The pairs of a vector's places in the order in which moments list their products; in a pair the smaller place is first. -#}
    {% set pairs = [] %}
    {% for one in places %}
        {% for other in places[loop.index0:] %}
            {% do pairs.append([one, other] | sort) %}
        {% endfor %}
    {% endfor %}
    {{ return(pairs) }}
{% endmacro %}
