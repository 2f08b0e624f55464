{% macro remember_settings() %}
    {#-
        Post-hook of every incremental model: notes on a table that was built in full under which settings, by which run, and of events
        that were built by which. See needs_full_refresh and publish_marts.
    -#}
    {% if not is_incremental() %}
        comment on table {{ this }} is '{{ settings_fingerprint(this.schema) }}, built in full by {{ invocation_id }}{{ _of_events(this) }}'
    {% endif %}
{% endmacro %}


{% macro _of_events(relation) %}
    {#- Which building in full the events go back to, as a remark on a table of them; nothing on staging itself. -#}
    {% if execute and relation.schema != 'staging' %}
        {% set found = modules.re.search('built in full by ([^,]+)', table_comments(relation.database, 'staging').get('stg_events') or '') %}
    {% endif %}
    {{ return(', of events built in full by ' ~ found.group(1) if found else '') }}
{% endmacro %}
