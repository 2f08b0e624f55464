{% macro should_full_refresh() %}
    {#- dbt asks this of every incremental model. Besides --full-refresh, changed settings are a reason. -#}
    {% set configured = config.get('full_refresh') %}
    {% if configured is not none %}
        {{ return(configured) }}
    {% endif %}
    {% if execute and config.get('incremental_strategy') in ['replace_experiments', 'replace_units'] %}
        {% set settings = built_with(this).settings %}
        {{ return(flags.FULL_REFRESH or settings is none or settings != experiment_settings_now()) }}
    {% endif %}
    {{ return(execute and needs_full_refresh(this)) }}
{% endmacro %}


{% macro needs_full_refresh(relation) %}
    {#-
        Whether a refresh was asked for, or a table was built under other settings than today's, or of events that have been built anew since,
        by a run that did not get as far as the table. The table's comment holds both.
    -#}
    {% if flags.FULL_REFRESH %}
        {{ return(true) }}
    {% endif %}
    {% set comments = table_comments(relation.database, relation.schema) %}
    {% set built_with = comments.get(relation.identifier) or '' %}
    {{ return(relation.identifier in comments
        and not (built_with.startswith(settings_fingerprint(relation.schema)) and built_with.endswith(_of_events(relation)))) }}
{% endmacro %}
