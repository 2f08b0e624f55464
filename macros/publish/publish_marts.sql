{% macro publish_marts(results) %}
    {#-
        On-run-end: after a whole build in which nothing failed, copies the marts into a file of their own and swaps it in.
        A node tagged guardrail reports on one experiment's rows: it fails the build, but does not keep the marts from readers.
    -#}
    {% if execute and flags.WHICH == 'build' %}
        {% set broken = [] %}
        {% set built = [] %}
        {% for result in results %}
            {% if result.status not in ['success', 'pass', 'warn', 'no-op'] and 'guardrail' not in result.node.tags %}
                {% do broken.append(result.node.name) %}
            {% elif result.node.resource_type == 'model' %}
                {% do built.append(result.node.name) %}
            {% endif %}
        {% endfor %}
        {% set missing = _models_published() | reject('in', built) | list %}
        {% set published = published_path() %}

        {% if broken %}
            {% do log('lifthouse: not published, because of ' ~ some_of(broken) ~ '. ' ~ published ~ ' is as it was.', info=true) %}
        {% elif missing or flags.EMPTY or invocation_args_dict.sample %}
            {% do log('lifthouse: not published, because this was not a whole build: it left out '
                ~ (some_of(missing) if missing else 'rows') ~ '. ' ~ published ~ ' is as it was.', info=true) %}
        {% else %}
            {% do _copy_and_swap(published) %}
            {% do log('lifthouse: published ' ~ mart_names() | length ~ ' marts to ' ~ published
                ~ '. Begin with fct_experiment_decisions; docs/bi.md says how to read them.', info=true) %}
        {% endif %}
    {% endif %}
{% endmacro %}


{% macro published_path() %}
    {#- The file BI reads: beside the warehouse. -#}
    {{ return((modules.re.sub('[^/]*$', '', target.path)) ~ 'marts.duckdb') }}
{% endmacro %}


{% macro mart_names() %}
    {% set names = [] %}
    {% for node in graph.nodes.values() if node.resource_type == 'model' and node.config.schema == 'main' %}
        {% do names.append(node.name) %}
    {% endfor %}
    {{ return(names | sort) }}
{% endmacro %}


{% macro _models_published() %}
    {#- The marts and all models that they are made of: a mart that was made of what an earlier build left is of two builds. -#}
    {% set found = {} %}
    {% for name in mart_names() %}
        {% do found.update({_mart(name).unique_id: _mart(name)}) %}
        {% do _upstream(_mart(name), found) %}
    {% endfor %}
    {{ return(found.values() | selectattr('resource_type', 'equalto', 'model') | map(attribute='name') | sort) }}
{% endmacro %}


{% macro _copy_and_swap(published) %}
    {#-
        A daily run writes what changed, into a copy of the last publication. Incremental marts say in their comment which build
        in full they go back to (see remember_settings); where the last publication has the same, both have the same ground.
    -#}
    {% set comments = table_comments(target.database, 'main') %}
    {% set grounds = {} %}
    {% for name in mart_names() if _mart(name).config.materialized == 'incremental' %}
        {% do grounds.update({name: comments[name]}) %}
    {% endfor %}

    {% set staged = scalar('select prepare_publication(' ~ quoted_text(published) ~ ', ' ~ quoted_text(tojson(grounds)) ~ ')') %}
    {% do _run('attach ' ~ quoted_text(staged) ~ " as published (storage_version 'v1.2.0')") %}
    {% set copied = table_comments('published', 'main') %}
    {% for name in copied if name not in mart_names() %}
        {% do _run('drop table published.main.' ~ name) %}
    {% endfor %}
    {% for name in mart_names() %}
        {% if name in grounds and name in copied %}
            {% do _publish_changes(_mart(name)) %}
        {% else %}
            {% do _publish_all(name) %}
        {% endif %}
        {% if name in grounds %}
            {% do _run('comment on table published.main.' ~ name ~ ' is ' ~ quoted_text(grounds[name])) %}
        {% endif %}
    {% endfor %}
    {% do _run('detach published') %}
    {% do _run('select swap_publication(' ~ quoted_text(published) ~ ')') %}
{% endmacro %}


{% macro _publish_all(name) %}
    {% do _run('create or replace table published.main.' ~ name ~ ' as select * from main.' ~ name) %}
{% endmacro %}


{% macro _publish_changes(mart) %}
    {#- Adds what the mart has had loaded since, in the way the mart itself was added to. -#}
    {% set published = api.Relation.create(database='published', schema='main', identifier=mart.name) %}
    {% set changes = api.Relation.create(identifier=mart.name ~ '__changes') %}
    {% do _run(
        'create or replace temp table ' ~ changes ~ ' as select * from main.' ~ mart.name
        ~ " where loaded_at > (select coalesce(max(loaded_at), timestamp '0001-01-01') from " ~ published ~ ')'
    ) %}
    {% set columns = [] %}
    {% for name, type in described_columns(changes).items() %}
        {% do columns.append(api.Column.create(name, type)) %}
    {% endfor %}
    {% set replace_sql = adapter.get_incremental_strategy_macro(context, mart.config.incremental_strategy) %}
    {% do _run(replace_sql({
        'target_relation': published,
        'temp_relation': changes,
        'unique_key': mart.config.unique_key,
        'dest_columns': columns,
        'incremental_predicates': none,
    })) %}
    {% do _run('drop table ' ~ changes) %}
    {% if scalar('select (select count(*) from ' ~ published ~ ') != (select count(*) from main.' ~ mart.name ~ ')') %}
        {% do _publish_all(mart.name) %}
    {% endif %}
{% endmacro %}


{% macro _mart(name) %}
    {{ return(graph.nodes['model.' ~ project_name ~ '.' ~ name]) }}
{% endmacro %}


{% macro _run(sql) %}
    {% call statement(auto_begin=false) %}{{ sql }}{% endcall %}
{% endmacro %}
