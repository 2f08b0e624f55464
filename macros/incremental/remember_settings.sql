{% macro remember_settings() %}
    {#-
        Post-hook of every incremental model: notes on a table that was built in full under which settings, and by which run.
        See needs_full_refresh and publish_marts.
    -#}
    {% if not is_incremental() %}
        comment on table {{ this }} is '{{ settings_fingerprint() }}, built in full by {{ invocation_id }}'
    {% endif %}
{% endmacro %}
