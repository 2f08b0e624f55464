{% macro unavailable_metrics(definitions) %}
    {#-
        The metrics that the data don't allow, by name, with the reason: a column isn't there, or what is added up isn't a number. Facts that
        aren't built yet lack nothing.
    -#}
    {% set facts, unavailable = _facts_of(definitions), {} %}
    {% for fact in facts.values() if fact.relation %}
        {% set identifier, columns = fact.relation.identifier, column_names(fact.relation) %}
        {% set referenced = referenced_columns(fact.parts | map(attribute='expression') | unique | list) %}
        {% for part in fact.parts %}
            {% for column in referenced.get(part.expression, []) if column | lower not in columns %}
                {% do unavailable.update({part.metric: identifier ~ " has no column '" ~ column ~ "'"}) %}
            {% endfor %}
        {% endfor %}
        {% set numbers = [] %}
        {% for part in fact.parts if part.is_number and part.metric not in unavailable %}
            {% do numbers.append(part) %}
        {% endfor %}
        {% set types = types_of(fact.relation, numbers | map(attribute='expression') | unique | list) %}
        {% for part in numbers if part.expression in types and not is_number_type(types[part.expression]) %}
            {% do unavailable.update({
                part.metric: part.role ~ "'" ~ part.name ~ "' of " ~ identifier ~ ' is ' ~ types[part.expression] ~ ', must be a number'
            }) %}
        {% endfor %}
    {% endfor %}
    {{ return(unavailable) }}
{% endmacro %}


{% macro _facts_of(definitions) %}
    {#- What the metrics are made of, by semantic model: {relation, parts: [{metric, role, name, expression, is_number}]}. -#}
    {% set facts = {} %}
    {% for definition in definitions.values() if not definition.unsupported %}
        {% for part in [definition.numerator, definition.denominator] if part %}
            {% set fact = facts.setdefault(part.fact.name, {'relation': load_relation(part.fact.relation), 'parts': []}) %}
            {% do fact.parts.append({
                'metric': definition.name,
                'name': part.expr | string,
                'expression': part.expr | string,
                'is_number': part.is_number,
                'role': '',
            }) %}
        {% endfor %}
    {% endfor %}
    {% for semantic_model in (graph.semantic_models.values() if execute else []) %}
        {% set model = graph.nodes[semantic_model.depends_on.nodes[0]] %}
        {% set relation = load_relation(api.Relation.create(database=model.database, schema=model.schema, identifier=model.alias)) %}
        {% set columns = column_names(relation) if relation else [] %}
        {% set fact = facts.setdefault(semantic_model.name, {'relation': relation, 'parts': []}) %}
        {% for definition in definitions.values() if not definition.unsupported %}
            {% for name in definition.covariates if name | lower in columns and name in model_covariates(semantic_model) %}
                {% do fact.parts.append({
                    'metric': definition.name,
                    'name': name,
                    'expression': adapter.quote(name),
                    'is_number': true,
                    'role': 'its covariate ',
                }) %}
            {% endfor %}
        {% endfor %}
    {% endfor %}
    {{ return(facts) }}
{% endmacro %}
