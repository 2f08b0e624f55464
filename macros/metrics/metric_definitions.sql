{% macro metric_definitions() %}
    {#-
        The metrics of the semantic layer as experiments use them, by name: kind, numerator and denominator (each a part: fact, agg,
        expr), and what config.meta.experiment adds. A metric of a type that experiments can't use has `unsupported` with the reason;
        one whose parts are all columns of observations, a row a unit, has `is_observed` and no days: int_unit_observations holds it.
    -#}
    {% set definitions = {} %}
    {% if execute %}
        {% set measures, covariates = _measures(), [] %}
        {% for semantic_model in graph.semantic_models.values() %}{% do covariates.extend(model_covariates(semantic_model)) %}{% endfor %}
        {% for metric in graph.metrics.values() %}
            {% set definition = _metric_definition(metric, measures) %}
            {% for name in definition.covariates if name not in covariates %}
                {% do exceptions.raise_compiler_error('metric ' ~ metric.name ~ ": covariates names '" ~ name ~ "', which no semantic model declares as fixed before"
                    ~ ' exposure; must be one of ' ~ covariates | join(', ') ~ '. Correct the name, or declare it in config.meta.experiment.covariates.') %}
            {% endfor %}
            {% do definitions.update({metric.name: definition}) %}
        {% endfor %}
    {% endif %}
    {{ return(definitions) }}
{% endmacro %}


{% macro used_metrics(kinds=none, role=none) %}
    {#-
        The definitions of the metrics that the registry uses and the data allow, in that role if one is named, in the order of their
        names. One that the data don't allow is left out, and int_unavailable_metrics says so.
    -#}
    {% set registered = registered_metrics(role) %}
    {% set unavailable = unavailable_metrics(registered) %}
    {% set used = [] %}
    {% for name, definition in registered.items() if name not in unavailable and (kinds is none or definition.kind in kinds) %}
        {% do used.append(definition) %}
    {% endfor %}
    {{ return(used) }}
{% endmacro %}


{% macro registered_metrics(role=none) %}
    {#-
        The definitions of the metrics that the registry names, in that role if one is given, by their names in order; before the registry
        is built (dbt compile, lint) of all that are supported. A metric that is unknown or of an unsupported type stops the build.
    -#}
    {% set definitions = metric_definitions() %}
    {% set registry = adapter.get_relation(target.database, 'registry', 'experiment_metrics') if execute %}
    {% set in_role = " where role = '" ~ role ~ "'" if role else '' %}
    {% set names = run_query('select distinct metric_name from ' ~ registry ~ in_role ~ ' order by 1').columns[0].values()
        if registry else definitions | sort %}
    {% set registered = {} %}
    {% for name in names %}
        {% set definition = definitions.get(name, {'unsupported': 'it is not a metric of the semantic layer'}) %}
        {% if definition.unsupported and registry %}
            {% do exceptions.raise_compiler_error(registry_file('experiment_metrics') ~ ": metric_name '" ~ name ~ "' can't be used: " ~ definition.unsupported
                ~ '. Known metrics: ' ~ definitions | sort | join(', ') ~ '. Correct the name, or declare the metric in YAML.') %}
        {% elif not definition.unsupported %}
            {% do registered.update({name: definition}) %}
        {% endif %}
    {% endfor %}
    {{ return(registered) }}
{% endmacro %}


{% macro _measures() %}
    {#- Every measure by name: its fact table, aggregation and expression, and whether that is a number. -#}
    {% set measures = {} %}
    {% set built_before = _upstream(graph.nodes['model.' ~ project_name ~ '.int_unit_inputs']) %}
    {% for semantic_model in graph.semantic_models.values() %}
        {% set model = graph.nodes[semantic_model.depends_on.nodes[0]] %}
        {% set unit = semantic_model.entities | selectattr('name', 'equalto', 'unit') | first %}
        {% set time = (semantic_model.defaults or {}).get('agg_time_dimension') %}
        {% set dimension = semantic_model.dimensions | selectattr('name', 'equalto', time) | first %}
        {% set fact = {
            'name': semantic_model.name,
            'relation': api.Relation.create(database=model.database, schema=model.schema, identifier=model.alias),
            'unit': (unit.expr or unit.name) if unit,
            'time': (dimension.expr or dimension.name) if dimension,
            'is_observed': model.name == 'stg_observations',
            'unsupported': _fact_problem(semantic_model.name, {'entity unit': unit, 'time dimension': dimension})
                or (_order_problem(semantic_model.name, model.name) if model not in built_before),
        } %}
        {% for measure in semantic_model.measures %}
            {% set aggregation = measure.agg if measure.agg is string else measure.agg.value %}
            {% do measures.update({measure.name: {
                'fact': fact,
                'agg': aggregation,
                'expr': measure.expr or measure.name,
                'is_number': aggregation not in ['count', 'count_distinct', 'sum_boolean'],
                'quantile': (measure.agg_params or {}).get('percentile'),
                'unsupported': fact.unsupported or _measure_problem(measure, time),
            }}) %}
        {% endfor %}
    {% endfor %}
    {{ return(measures) }}
{% endmacro %}


{% macro _fact_problem(name, elements) %}
    {#- Why experiments can't use a semantic model, none if they can: models read its unit and its time as columns of the table. -#}
    {% for role, element in elements.items() %}
        {% if not element %}
            {{ return('its semantic model ' ~ name ~ ' has no ' ~ role) }}
        {% elif not modules.re.fullmatch('\\w+|"[^"]+"', element.expr or element.name) %}
            {{ return('the ' ~ role ~ ' of its semantic model ' ~ name ~ " has the expr '" ~ element.expr
                ~ "', must be the name of a column; work it out in the model that the semantic model reads") }}
        {% endif %}
    {% endfor %}
    {{ return(none) }}
{% endmacro %}


{% macro _order_problem(name, model_name) %}
    {#- A build would read the table as the build before left it, or none. -#}
    {{ return('its semantic model ' ~ name ~ ' reads ' ~ model_name ~ ', for which experiments do not wait; write -- depends_on: {{ ref('
        ~ quoted_text(model_name) ~ ') }} at the top of models/experiments/int_unit_inputs.sql') }}
{% endmacro %}


{% macro _measure_problem(measure, time) %}
    {#- Why experiments can't use a measure, none if they can: what else it declares would be left out of account. -#}
    {% if measure.agg_time_dimension and measure.agg_time_dimension != time %}
        {{ return('its measure ' ~ measure.name ~ ' is dated by ' ~ measure.agg_time_dimension ~ ', must be by ' ~ time ~ ' as the default of its semantic model;'
            ~ ' put it into a semantic model of its own over the same table') }}
    {% elif measure.non_additive_dimension %}
        {{ return('its measure ' ~ measure.name ~ ' has a non_additive_dimension; work out what is to be added up in the model that the semantic model reads') }}
    {% endif %}
    {{ return(none) }}
{% endmacro %}


{% macro _metric_definition(metric, measures) %}
    {% set meta = metric.config.meta.get('experiment', {}) %}
    {% set definition = {
        'name': metric.name,
        'description': metric.description,
        'direction': meta.get('direction', 'increase'),
        'window_days': meta.get('window_days'),
        'lookback_days': meta.get('lookback_days'),
        'retention_from_day': meta.get('retention_from_day'),
        'retention_to_day': meta.get('retention_to_day'),
        'quantile': none,
        'quantile_over': none,
        'cap_lower': meta.get('cap_lower'),
        'cap_upper': meta.get('cap_upper'),
        'cap_lower_percentile': meta.get('cap_lower_percentile'),
        'cap_upper_percentile': meta.get('cap_upper_percentile'),
        'cap_ignores_zeros': meta.get('cap_ignores_zeros', false),
        'covariates': meta.get('covariates', []),
        'prior_scale': meta.get('prior_scale', 'relative'),
        'prior_mean': meta.get('prior_mean', 0),
        'prior_standard_deviation': meta.get('prior_standard_deviation'),
        'denominator': none,
        'is_observed': false,
        'is_proportion': meta.get('is_proportion', false),
    } %}
    {% set known = ['direction', 'window_days', 'lookback_days', 'retention_from_day', 'retention_to_day', 'quantile_over', 'cap_lower', 'cap_upper',
        'cap_lower_percentile', 'cap_upper_percentile', 'cap_ignores_zeros', 'covariates', 'prior_scale', 'prior_mean',
        'prior_standard_deviation', 'is_proportion'] %}
    {% for key in meta if key not in known %}
        {% do exceptions.raise_compiler_error('metric ' ~ metric.name ~ ": config.meta.experiment has an unknown key '" ~ key ~ "', must be one of " ~ known | join(', ')) %}
    {% endfor %}
    {% if definition.direction not in ['increase', 'decrease'] %}
        {% do exceptions.raise_compiler_error('metric ' ~ metric.name ~ ": direction == '" ~ definition.direction ~ "', must be increase or decrease") %}
    {% endif %}
    {% for key in ['window_days', 'lookback_days'] if definition[key] is not none and (definition[key] is not integer or definition[key] <= 0) %}
        {% do exceptions.raise_compiler_error('metric ' ~ metric.name ~ ': ' ~ key ~ " == '" ~ definition[key] ~ "', must be a whole number of days > 0") %}
    {% endfor %}
    {% if meta.get('quantile_over', 'events') not in ['events', 'units'] %}
        {% do exceptions.raise_compiler_error('metric ' ~ metric.name ~ ": quantile_over == '" ~ meta.quantile_over ~ "', must be events or units") %}
    {% endif %}
    {% set type = metric.type if metric.type is string else metric.type.value %}
    {#- Whatever may have a filter of its own. -#}
    {% set inputs = [metric] %}
    {% if type == 'simple' %}
        {% do inputs.append(metric.type_params.measure) %}
        {% do definition.update(_simple_parts(metric, measures[_input_name(metric.type_params.measure)], meta)) %}
    {% elif type == 'ratio' %}
        {% set parts = {} %}
        {% for part in ['numerator', 'denominator'] %}
            {% set other = graph.metrics['metric.' ~ project_name ~ '.' ~ metric.type_params[part].name] %}
            {% do parts.update({part: measures[_input_name(other.type_params.measure)] if other.type_params.measure else none}) %}
            {% do inputs.extend([metric.type_params[part], other, other.type_params.measure]) %}
        {% endfor %}
        {% do definition.update({'kind': 'ratio'}, **parts) %}
        {% if not parts.numerator or not parts.denominator or parts.numerator.agg not in _additive() or parts.denominator.agg not in _additive() %}
            {% do definition.update({'unsupported': 'numerator and denominator must be simple metrics of ' ~ _additive() | join(', ')}) %}
        {% endif %}
    {% elif type == 'conversion' %}
        {% set conversion = metric.type_params.conversion_type_params %}
        {% do inputs.extend([conversion.base_measure, conversion.conversion_measure]) %}
        {% do definition.update({'kind': 'conversion', 'is_proportion': true, 'numerator': measures[conversion.conversion_measure.name]}) %}
        {% set calculation = conversion.calculation if conversion.calculation is string else conversion.calculation.value %}
        {% if calculation != 'conversion_rate' %}
            {% do definition.update({'unsupported': 'its calculation is ' ~ calculation ~ ', must be conversion_rate'}) %}
        {% elif conversion.constant_properties %}
            {% do definition.update({'unsupported': 'it has constant_properties, which experiments do not follow'}) %}
        {% endif %}
        {% if conversion.window %}
            {% set days = {'day': 1, 'week': 7} %}
            {% set granularity = conversion.window.granularity if conversion.window.granularity is string else conversion.window.granularity.value %}
            {% if granularity not in days %}
                {% do definition.update({'unsupported': 'its window is in ' ~ granularity ~ ', must be in days or weeks'}) %}
            {% else %}
                {% do definition.update({'window_days': conversion.window.count * days[granularity]}) %}
            {% endif %}
        {% endif %}
    {% else %}
        {% do definition.update({'unsupported': 'its type is ' ~ type ~ ', must be simple, ratio or conversion'}) %}
    {% endif %}
    {% if inputs | select | reject('string') | selectattr('filter') | list %}
        {% do definition.update({'unsupported': "it has a filter; put the condition into the measure's expr instead"}) %}
    {% endif %}
    {% for part in [definition.numerator, definition.denominator] if part and part.unsupported %}
        {% do definition.update({'unsupported': part.unsupported}) %}
    {% endfor %}
    {% if not definition.unsupported %}
        {% do definition.update({'unsupported': _settings_problem(definition, meta)}) %}
    {% endif %}
    {% if definition.prior_standard_deviation is none and not definition.is_proportion %}
        {% do definition.update({'prior_standard_deviation': 0.3}) %}
    {% endif %}
    {% if definition.kind in ['mean', 'ratio', 'conversion'] and not definition.unsupported %}
        {% set facts = [definition.numerator.fact] + ([definition.denominator.fact] if definition.denominator else []) %}
        {% do definition.update({'is_observed': facts | rejectattr('is_observed') | list | length == 0}) %}
    {% endif %}
    {{ return(definition) }}
{% endmacro %}


{% macro _settings_problem(definition, meta) %}
    {#- Why experiments can't use what is declared beside a metric, none if they can: it would change nothing, or more than is meant. -#}
    {% set in_vain = {'retention': ['window_days'], 'quantile': ['lookback_days', 'covariates']}.get(definition.kind, [])
        + (['quantile_over'] if definition.kind != 'quantile' else [])
        + (['retention_from_day', 'retention_to_day'] if definition.kind not in ['retention', 'mean'] else []) %}
    {% for key in in_vain if meta.get(key) not in [none, []] %}
        {{ return(key ~ ' says nothing of a ' ~ definition.kind ~ '; leave it out') }}
    {% endfor %}
    {% for key in ['prior_scale', 'prior_mean'] if key in meta and definition.is_proportion and definition.prior_standard_deviation is none %}
        {{ return(key ~ ' is of a prior, which a proportion has with a prior_standard_deviation only; declare that too, or leave it out') }}
    {% endfor %}
    {% set from_day, to_day = definition.retention_from_day, definition.retention_to_day %}
    {% if (definition.kind == 'retention' or to_day is not none)
        and not (from_day is integer and to_day is integer and 0 <= from_day and from_day <= to_day) %}
        {{ return("retention_from_day == '" ~ from_day ~ "', retention_to_day == '" ~ to_day
            ~ "', must be whole numbers of days, 0 or later, in this order") }}
    {% endif %}
    {% for key, value in meta.items() if key.startswith('cap_') and value and definition.kind != 'mean' %}
        {{ return(key ~ ' is for totals of a unit, and this is a ' ~ definition.kind
            ~ "; leave it out, or cap what is measured in the measure's expr, as in least(revenue, 100)") }}
    {% endfor %}
    {% for key in ['cap_lower_percentile', 'cap_upper_percentile'] if definition[key] is not none
        and not (definition[key] is number and 0 <= definition[key] and definition[key] <= 1) %}
        {{ return(key ~ " == '" ~ definition[key] ~ "', must be in [0, 1], such as 0.99") }}
    {% endfor %}
    {% if definition.cap_ignores_zeros and definition.cap_lower_percentile is not none %}
        {{ return('cap_lower_percentile with cap_ignores_zeros would lift every unit with a total of 0; leave out one of them, or set cap_lower') }}
    {% endif %}
    {{ return(none) }}
{% endmacro %}


{% macro _input_name(measure) %}
    {{- return(measure if measure is string else measure.name) -}}
{% endmacro %}


{% macro _additive() %}
    {{ return(['sum', 'sum_boolean', 'count', 'count_distinct', 'max', 'min']) }}
{% endmacro %}


{% macro _simple_parts(metric, measure, meta) %}
    {#- What a simple metric becomes: an average is a ratio of sums over events, a percentile a quantile. -#}
    {% if measure.agg in ['percentile', 'median'] %}
        {{ return({
            'kind': 'quantile',
            'numerator': measure,
            'quantile': measure.quantile or 0.5,
            'quantile_over': meta.get('quantile_over', 'events'),
        }) }}
    {% elif measure.agg == 'average' %}
        {{ return({
            'kind': 'ratio',
            'numerator': dict(measure, agg='sum'),
            'denominator': dict(measure, agg='count'),
        }) }}
    {% elif measure.agg not in _additive() %}
        {{ return({'kind': measure.agg, 'unsupported': 'its measure aggregates by ' ~ measure.agg}) }}
    {% elif meta.get('retention_from_day') is not none %}
        {{ return({'kind': 'retention', 'numerator': measure, 'is_proportion': true}) }}
    {% endif %}
    {{ return({'kind': 'mean', 'numerator': measure}) }}
{% endmacro %}
