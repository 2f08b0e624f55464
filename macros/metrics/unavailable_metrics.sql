{% macro unavailable_metrics(definitions) %}
    {#-
        The metrics whose columns the data lack, by name, with what is lacking. Facts that aren't built yet lack nothing.
    -#}
    {% set columns_of, parts = {}, [] %}
    {% for definition in definitions.values() if not definition.unsupported %}
        {% for part in [definition.numerator, definition.denominator] if part %}
            {% do parts.append({'metric': definition.name, 'fact': part.fact, 'expression': part.expr | string}) %}
        {% endfor %}
    {% endfor %}
    {% set referenced = referenced_columns(parts | map(attribute='expression') | unique | list) %}
    {% set unavailable = {} %}
    {% for part in parts %}
        {% if part.fact.name not in columns_of %}
            {% set relation = load_relation(part.fact.relation) %}
            {% do columns_of.update({part.fact.name: column_names(relation) if relation}) %}
        {% endif %}
        {% for column in referenced.get(part.expression, []) if columns_of[part.fact.name] and column | lower not in columns_of[part.fact.name] %}
            {% do unavailable.update({part.metric: part.fact.relation.identifier ~ " has no column '" ~ column ~ "'"}) %}
        {% endfor %}
    {% endfor %}
    {{ return(unavailable) }}
{% endmacro %}
