{% macro shared_vector(metrics, units, covariates, suffix='') %}
    {#-
        The moments of metrics as one vector of a unit, in which what several metrics have in common is there once: values, each SQL over
        the relations named, of metrics over `units` (and caps), of covariates over `covariates`, whose columns may have a suffix, and
        for running totals `before`, the same before the day; products, pairs of places among the values; and places, where each
        metric's own moment_values are, by its name. Places count from 1.
    -#}
    {% set keys, values, products, places = [], [], [], {} %}
    {% for metric in metrics %}
        {% set own = [] %}
        {% for value in moment_values(metric) %}
            {% if value.is_covariate %}
                {% set key = value.expr %}
                {% set columns = {'sql': covariates ~ '.' ~ value.expr ~ suffix} %}
            {% else %}
                {% set part = metric.denominator if value.name == 'denominator' else metric.numerator %}
                {% set is_capped = loop.first and (has_caps(metric) or metric.kind == 'conversion') %}
                {% set key = [metric.name] if is_capped else [part.fact.name, part.agg, part.expr, metric.window_days] %}
                {% set columns = {'sql': units ~ '.' ~ value.expr, 'before': units ~ '.' ~ value.expr ~ '_before'} %}
                {% if loop.first %}
                    {% for name, sql in columns.items() | list %}
                        {% do columns.update({name: capped(metric, sql, caps='caps.' ~ metric.name ~ '__')}) %}
                    {% endfor %}
                {% endif %}
            {% endif %}
            {% if key not in keys %}
                {% do keys.append(key) %}
                {% do values.append(dict(columns, is_covariate=value.is_covariate)) %}
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


{% macro caps_side_by_side(metrics) -%}
    {#- int_metric_caps as one row an experiment, so that units are joined with them once: what shared_vector calls caps. -#}
    select
        experiment_id
        {%- for metric in metrics %}
        {%- for cap in ['lower_cap', 'upper_cap'] %},
        max({{ cap }}) filter (where metric_name = '{{ metric.name }}') as {{ metric.name }}__{{ cap }}
        {%- endfor %}
        {%- endfor %}
    from {{ ref('int_metric_caps') }}
    group by experiment_id
{%- endmacro %}


{% macro moments_of(metric, vector, sums='summed', pivots='pivots') -%}
    {#- The columns value_names, pivots, sums and products of one metric, from relations with pivot_, sum_ and product_ of a vector's places. -#}
    {%- set places = vector.places[metric.name] -%}
    [
        {%- for value in moment_values(metric) %}
        '{{ value.name }}'{{ ',' if not loop.last }}
        {%- endfor %}
    ] as value_names,
    [
        {%- for place in places %}
        {{ pivots }}.pivot_{{ place }}{{ ',' if not loop.last }}
        {%- endfor %}
    ] as pivots,
    [
        {%- for place in places %}
        {{ sums }}.sum_{{ place }}{{ ',' if not loop.last }}
        {%- endfor %}
    ] as sums,
    [
        {%- for one, other in packed_pairs(places) %}
        {{ sums }}.product_{{ one }}_{{ other }}{{ ',' if not loop.last }}
        {%- endfor %}
    ] as products
{%- endmacro %}
