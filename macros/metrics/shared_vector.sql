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
                {% set column = covariates ~ '.' ~ adapter.quote(value.expr ~ suffix) %}
                {% set columns = {'sql': finite('cast(' ~ column ~ ' as double)')} %}
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


{% macro moments_by_metric(metrics, vector, sums, activity_date) -%}
    {#-
        A row per metric of each row of `sums`, which has sum_ and product_ of a vector's places by experiment, variant and segments, for
        the metrics that the experiment asks for; pivots, an experiment's row each, has pivot_ of the places.
    -#}
{% for metric in metrics -%}
{%- set places = vector.places[metric.name] -%}
select
    {{ sums }}.experiment_id,
    '{{ metric.name }}' as metric_name,
    {{ sums }}.variant_id,
    {%- for dimension in ['phase_id'] + segment_dimensions() %}
    {{ sums }}.{{ adapter.quote(dimension) }},
    {%- endfor %}
    {{ sums }}.{{ activity_date }} as activity_date,

    {{ sums }}.count_units,
    [
        {%- for value in moment_values(metric) %}
        '{{ value.name }}'{{ ',' if not loop.last }}
        {%- endfor %}
    ] as value_names,
    [
        {%- for place in places %}
        pivots.pivot_{{ place }}{{ ',' if not loop.last }}
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
from {{ sums }}
inner join pivots on {{ sums }}.experiment_id = pivots.experiment_id
inner join {{ ref('experiment_metrics') }} as registered
    on
        {{ sums }}.experiment_id = registered.experiment_id
        and registered.metric_name = '{{ metric.name }}'
{{ 'union all' if not loop.last }}
{% endfor %}
{%- endmacro %}


{% macro no_moments() -%}
    {#- The same where there are no metrics. -#}
select
    experiment_id,
    cast(null as varchar) as metric_name,
    variant_id,
    {%- for dimension in ['phase_id'] + segment_dimensions() %}
    {{ adapter.quote(dimension) }},
    {%- endfor %}
    exposure_date as activity_date,
    cast(0 as bigint) as count_units,
    cast([] as varchar[]) as value_names,
    cast([] as double[]) as pivots,
    cast([] as double[]) as sums,
    cast([] as double[]) as products
from {{ ref('int_units_segmented') }}
where false
{%- endmacro %}
