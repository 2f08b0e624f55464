{% macro remember_settings() %}
    {#-
        Post-hook of every incremental model: notes on a table that was built in full under which settings, by which run, and of events
        that were built by which. See needs_full_refresh and publish_marts. A table of several incremental ones takes them to be of one load.
        Where a run left out a model further up they need not be: it forgets what it noted, and is built in full by the next run.
    -#}
    {% if execute and _incremental_inputs() > 1 and left_out_upstream() %}
        comment on table {{ this }} is null
    {% elif not is_incremental() %}
        comment on table {{ this }} is '{{ settings_fingerprint(this.schema) }}, built in full by {{ invocation_id }}{{ _of_events(this) }}'
    {% endif %}
{% endmacro %}


{% macro _incremental_inputs() %}
    {#- How many incremental models this one reads directly. -#}
    {% set names = [] %}
    {% for name in model.depends_on.nodes if name in graph.nodes and graph.nodes[name].config.materialized == 'incremental' %}
        {% do names.append(name) %}
    {% endfor %}
    {{ return(names | unique | list | length) }}
{% endmacro %}


{% macro _of_events(relation) %}
    {#- Which building in full the events go back to, as a remark on a table of them; nothing on staging itself. -#}
    {% if execute and relation.schema != 'staging' %}
        {% set found = modules.re.search('built in full by ([^,]+)', table_comments(relation.database, 'staging').get('stg_events') or '') %}
    {% endif %}
    {{ return(', of events built in full by ' ~ found.group(1) if found else '') }}
{% endmacro %}
