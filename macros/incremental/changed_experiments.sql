{#-
    An experiment that ended costs nothing: tables with incremental_strategy replace_experiments keep the rows of experiments whose
    fingerprint in int_experiment_inputs is the one they were built with. A table's comment holds both what it was built with.
-#}
{% macro of_changed_experiments(column='experiment_id') -%}
    {#- A condition: the rows of experiments that are to be built now, which is all of them where the table is built in full. -#}
    {%- set changed = changed_experiments(this) if is_incremental() else none -%}
    {%- if changed is none -%}
        true
    {%- elif changed -%}
        {{ column }} in ('{{ changed | map('replace', "'", "''") | join("', '") }}')
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}


{% macro changed_experiments(relation) %}
    {#- The experiments of the registry that a table was built without, or with other inputs than they have now. -#}
    {% set remembered = built_with(relation).experiments %}
    {% set changed = [] %}
    {% for experiment_id, fingerprint in experiment_fingerprints().items() if remembered.get(experiment_id) != fingerprint %}
        {% do changed.append(experiment_id) %}
    {% endfor %}
    {{ return(changed) }}
{% endmacro %}


{% macro experiment_fingerprints() %}
    {#- {experiment: fingerprint of its inputs}, as of the last build of int_experiment_inputs. -#}
    {{ return(dict(run_query('select experiment_id, fingerprint from ' ~ _experiment_inputs() ~ ' order by 1') | map('list'))) }}
{% endmacro %}


{% macro built_with(relation) %}
    {#- What remember_experiments noted on a table: the settings, and {experiment: fingerprint}. -#}
    {% set comment = table_comments(relation.database, relation.schema).get(relation.identifier) or '' %}
    {{ return(fromjson(comment) if comment.startswith('{') else {'settings': none, 'experiments': {}}) }}
{% endmacro %}


{% macro remember_experiments() %}
    {#-
        Post-hook of tables with strategy replace_experiments. An experiment whose rows further up were not built of its inputs of
        now (some models had been selected, others not) is not remembered, and so built again by the next run.
    -#}
    {% if execute %}
        {% set fingerprints = experiment_fingerprints() %}
        {% for node in _upstream(model) if node.config.incremental_strategy == 'replace_experiments' %}
            {% set of_node = built_with(api.Relation.create(node.database, node.schema, node.alias)).experiments %}
            {% for experiment_id in fingerprints | list if of_node.get(experiment_id) != fingerprints[experiment_id] %}
                {% do fingerprints.pop(experiment_id) %}
            {% endfor %}
        {% endfor %}
        {% set remembered = {'settings': experiment_settings_now(), 'experiments': fingerprints} %}
        comment on table {{ this }} is '{{ tojson(remembered, sort_keys=true).replace("'", "''") }}'
    {% endif %}
{% endmacro %}


{% macro get_incremental_replace_experiments_sql(arguments) %}
    {#- Incremental strategy: new rows of the experiments that changed, no rows of those that the registry has no more. -#}
    {% set columns = arguments.dest_columns | map(attribute='quoted') | join(', ') %}
    delete from {{ arguments.target_relation }}
    where
        {{ of_changed_experiments() }}
        or experiment_id not in (select inputs.experiment_id from {{ _experiment_inputs() }} as inputs);

    insert into {{ arguments.target_relation }} ({{ columns }})
    select {{ columns }}
    from {{ arguments.temp_relation }};

    -- Of a Python model it is no temporary table, and nobody else drops it.
    drop table {{ arguments.temp_relation }}
{% endmacro %}


{% macro experiment_settings() %}
    {#- What all experiments rest on besides their inputs: the code, the vars, and which columns the data have. -#}
    {% if execute %}
        {% set columns = run_query(
            "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'staging' "
            ~ "and table_name in ('stg_events', 'stg_exposures', 'stg_users', 'stg_observations') order by all"
        ).rows | map('join', ' ') | join(', ') %}
        {{ return(local_md5(tojson([scalar('select code_fingerprint()'), invocation_args_dict.vars, columns], sort_keys=true))) }}
    {% endif %}
{% endmacro %}


{% macro _upstream(node, found=none) %}
    {#- Every model that a node reads, directly or not. -#}
    {% set found = {} if found is none else found %}
    {% for name in node.depends_on.nodes if name in graph.nodes and name not in found %}
        {% do found.update({name: graph.nodes[name]}) %}
        {% do _upstream(graph.nodes[name], found) %}
    {% endfor %}
    {{ return(found.values() | list) }}
{% endmacro %}


{% macro experiment_settings_now() %}
    {#- The same as of the last build of int_experiment_inputs; none before the first. -#}
    {% set is_built = adapter.get_relation(target.database, 'intermediate', 'int_experiment_inputs') %}
    {{ return(scalar('select any_value(settings) from ' ~ _experiment_inputs()) if is_built) }}
{% endmacro %}


{% macro _experiment_inputs() %}
    {{ return(api.Relation.create(target.database, 'intermediate', 'int_experiment_inputs')) }}
{% endmacro %}
