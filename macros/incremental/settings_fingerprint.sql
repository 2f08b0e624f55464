{% macro settings_fingerprint(schema) %}
    {#-
        What an incremental table depends on besides its rows. Rows built under other settings can't be added to. Events stay what they are
        under most of them, so that staging is not read again: files of the past may be gone.
    -#}
    {% set settings = [
        modules.re.sub('^([.]/+)+|/+$', '', var('input_folder') | string),
        var('input_relations'),
        var('session_source'),
        event_types_of('purchase') | unique(case_sensitive=true) | sort,
    ] %}
    {% if schema != 'staging' %}
        {% do settings.extend([
            var('event_roles'),
            var('session_timeout_minutes'),
            var('attribution_window_minutes'),
            var('attribution_half_life_minutes'),
            var('funnels'),
        ]) %}
    {% endif %}
    {{ return('lifthouse settings ' ~ local_md5(tojson(settings, sort_keys=true))) }}
{% endmacro %}
