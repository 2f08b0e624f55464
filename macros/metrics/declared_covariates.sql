{% macro declared_covariates(model_name, input_name) %}
    {#- The columns that semantic models on this staging table declare as fixed before exposure, and that the input has. -#}
    {% set names = [] %}
    {% if execute %}
        {% set present = attribute_names(input_name) | map('lower') | list %}
        {% for semantic_model in graph.semantic_models.values() if graph.nodes[semantic_model.depends_on.nodes[0]].name == model_name %}
            {% for name in model_covariates(semantic_model) if name | lower in present and name not in names %}
                {% do names.append(name) %}
            {% endfor %}
        {% endfor %}
    {% endif %}
    {{ return(names) }}
{% endmacro %}


{% macro model_covariates(semantic_model) %}
    {#- The columns that a semantic model declares as fixed before exposure, whether the input has them or not. -#}
    {{ return(semantic_model.config.meta.get('experiment', {}).get('covariates', [])) }}
{% endmacro %}


{% macro covariate_names() %}
    {#- Every declared covariate that this warehouse has, of users and of observations. -#}
    {{ return((declared_covariates('stg_users', 'users') + declared_covariates('stg_observations', 'observations')) | unique | list) }}
{% endmacro %}


{% macro known_covariate(name, of_users, of_observations) -%}
    {#- A covariate as relations named users and observations know it, of which each has the names given. -#}
    {%- if name in of_users and name in of_observations -%}
        coalesce(users.{{ adapter.quote(name) }}, observations.{{ adapter.quote(name) }})
    {%- else -%}
        {{ 'users' if name in of_users else 'observations' }}.{{ adapter.quote(name) }}
    {%- endif -%}
{%- endmacro %}


{% macro moment_values(metric) %}
    {#-
        The vector of a metric's moments: [{name, expr, is_covariate}], numerator first, a ratio's denominator second, then what was known
        before exposure. A covariate that a unit lacks counts as the mean of the others.
    -#}
    {% set numerator = metric.name ~ '__numerator' %}
    {% set values = [{'name': 'numerator', 'expr': numerator}] %}
    {% if metric.kind == 'ratio' %}
        {% do values.append({'name': 'denominator', 'expr': metric.name ~ '__denominator'}) %}
    {% endif %}
    {% if metric.lookback_days and not metric.numerator.fact.is_observed %}
        {% do values.append({'name': 'pre_numerator', 'expr': 'pre_' ~ metric.name, 'is_covariate': true}) %}
        {% if metric.kind == 'ratio' %}
            {% do values.append({'name': 'pre_denominator', 'expr': 'pre_' ~ metric.name ~ '_denominator', 'is_covariate': true}) %}
        {% endif %}
    {% endif %}
    {% for name in metric.covariates if name in covariate_names() %}
        {% do values.append({'name': name, 'expr': name, 'is_covariate': true}) %}
    {% endfor %}
    {{ return(values) }}
{% endmacro %}
