{#-
    An experiment that ended costs nothing: tables with incremental_strategy replace_experiments keep the rows of experiments whose
    fingerprint in int_experiment_inputs is the one they were built with. Those with replace_units, where a unit's rows rest on nothing
    but the unit, keep the rows of each unit that has not changed since. A table's comment holds what it was built with.
-#}
{% macro of_changed_experiments(column='experiment_id') -%}
    {#- A condition: the rows of experiments that are to be built now, which is all of them where the table is built in full. -#}
    {%- set changed = changed_experiments(this) if is_incremental() else none -%}
    {%- if changed is none -%}
        true
    {%- elif changed -%}
        {{ column }} in ({{ quoted_texts(changed) }})
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}


{% macro changed_experiments(relation) %}
    {#- The experiments of the registry that a table was built without, or with other inputs than they have now. -#}
    {% set remembered = built_with(relation).experiments %}
    {% set changed = [] %}
    {% for experiment_id, fingerprint in experiment_inputs('fingerprint').items() if remembered.get(experiment_id) != fingerprint %}
        {% do changed.append(experiment_id) %}
    {% endfor %}
    {{ return(changed) }}
{% endmacro %}


{% macro of_changed_units(alias=none) -%}
    {#- A condition: the rows of units that are to be built now, which is all of them where the table is built in full. -#}
    {%- if is_incremental() -%}
        {%- set owner = alias ~ '.' if alias else '' -%}
        ({{ owner }}experiment_id, {{ owner }}unit_id) not in ({{ _unchanged_units() }})
    {%- else -%}
        true
    {%- endif -%}
{%- endmacro %}


{% macro _unchanged_units() -%}
    {#- Units that this table was built with as they are now, in experiments that are defined as they were. -#}
    {%- set built_with = built_with(this) -%}
    {%- set kept = [] -%}
    {%- for experiment_id, definition in experiment_inputs('definition').items() if built_with.definitions.get(experiment_id) == definition -%}
        {%- do kept.append(experiment_id) -%}
    {%- endfor -%}
    select
        inputs.experiment_id,
        inputs.unit_id
    from {{ _relation('int_unit_inputs') }} as inputs
    where
        inputs.changed_at <= timestamp '{{ built_with.units_as_of }}'
        and inputs.experiment_id in ({{ quoted_texts(kept) }})
{%- endmacro %}


{% macro experiment_inputs(column) %}
    {#- {experiment: fingerprint or definition}, as of the last build of int_experiment_inputs. -#}
    {{ return(dict(run_query(
        'select experiment_id, ' ~ column ~ ' from ' ~ _relation('int_experiment_inputs') ~ ' order by 1'
    ) | map('list'))) }}
{% endmacro %}


{% macro built_with(relation) %}
    {#-
        What remember_experiments noted on a table: the settings, {experiment: fingerprint} and {experiment: definition} of those it
        was built of, and when the latest of its units had changed.
    -#}
    {% set comment = table_comments(relation.database, relation.schema).get(relation.identifier) or '' %}
    {{ return(fromjson(comment) if comment.startswith('{') else {'settings': none, 'experiments': {}, 'definitions': {}, 'units_as_of': none}) }}
{% endmacro %}


{% macro remember_experiments() %}
    {#-
        Post-hook of tables with strategy replace_experiments or replace_units. Where a run left out a model further up, what it computed may
        be of rows that this model will not have any more: it is not remembered, and so built again by the next run.
    -#}
    {% if execute %}
        {% set before, now = built_with(this), {
            'settings': experiment_settings_now(),
            'experiments': experiment_inputs('fingerprint'),
            'definitions': experiment_inputs('definition'),
            'units_as_of': scalar("select coalesce(max(changed_at), timestamp '0001-01-01') from " ~ _relation('int_unit_inputs')) | string,
        } %}
        {% if left_out_upstream() %}
            {% for kept in ['experiments', 'definitions'] %}
                {% for experiment_id in now[kept] | list if before[kept].get(experiment_id) != now[kept][experiment_id] %}
                    {% do now[kept].pop(experiment_id) %}
                {% endfor %}
            {% endfor %}
            {% do now.update({'settings': before.settings, 'units_as_of': before.units_as_of}) %}
        {% endif %}
        comment on table {{ this }} is {{ quoted_text(tojson(now, sort_keys=true)) }}
    {% endif %}
{% endmacro %}


{% macro get_incremental_replace_units_sql(arguments) %}
    {#- Incremental strategy: new rows of the units that changed, no rows of those that are no more. -#}
    {% set columns = arguments.dest_columns | map(attribute='quoted') | join(', ') %}
    delete from {{ arguments.target_relation }} as old
    where {{ of_changed_units('old') }};

    insert into {{ arguments.target_relation }} ({{ columns }})
    select {{ columns }}
    from {{ arguments.temp_relation }}
{% endmacro %}


{% macro get_incremental_replace_experiments_sql(arguments) %}
    {#- Incremental strategy: new rows of the experiments that changed, no rows of those that the registry has no more. -#}
    {% set columns = arguments.dest_columns | map(attribute='quoted') | join(', ') %}
    delete from {{ arguments.target_relation }}
    where
        {{ of_changed_experiments() }}
        or experiment_id not in (select inputs.experiment_id from {{ _relation('int_experiment_inputs') }} as inputs);

    insert into {{ arguments.target_relation }} ({{ columns }})
    select {{ columns }}
    from {{ arguments.temp_relation }};

    -- Of a Python model it is no temporary table, and nobody else drops it.
    drop table {{ arguments.temp_relation }}
{% endmacro %}


{% macro experiment_settings() %}
    {#-
        What all experiments rest on besides their inputs: the code, the vars, which run built the events in full (a corrected event shows in no
        fingerprint), which columns the data have, and the metrics in use with their definitions, as each is a column of the tables of units,
        and what was known of a unit before may be a covariate of other metrics.
        The vars are written as YAML, as they came: a day without quotes is a date there, which JSON does not know.
    -#}
    {% if execute %}
        {% set columns = run_query(
            "select table_name, column_name, data_type from duckdb_columns() where schema_name = 'staging' "
            ~ "and table_name in ('stg_events', 'stg_exposures', 'stg_users', 'stg_observations') order by all"
        ).rows | map('join', ' ') | join(', ') %}
        {% set metrics = [used_metrics() | map('string') | list, covariate_names()] %}
        {{ return(local_md5(tojson([
            scalar('select code_fingerprint(' ~ in_project('') ~ ')'),
            toyaml(invocation_args_dict.vars, sort_keys=true),
            _of_events(this),
            columns,
            metrics,
        ]))) }}
    {% endif %}
{% endmacro %}


{% macro left_out_upstream() %}
    {#- The models that this one reads, directly or not, and that the run does not build. -#}
    {% set left_out = [] %}
    {% for node in _upstream(model) if node.resource_type == 'model' and node.unique_id not in selected_resources %}
        {% do left_out.append(node.name) %}
    {% endfor %}
    {{ return(left_out) }}
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
    {{ return(scalar('select any_value(settings) from ' ~ _relation('int_experiment_inputs')) if is_built) }}
{% endmacro %}


{% macro _relation(model_name) %}
    {{ return(api.Relation.create(target.database, 'intermediate', model_name)) }}
{% endmacro %}
