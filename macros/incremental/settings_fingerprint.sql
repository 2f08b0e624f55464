{% macro settings_fingerprint() %}
    {#- What an incremental table depends on besides its rows. Rows built under other settings can't be added to. -#}
    {{ return('lifthouse settings ' ~ local_md5(tojson([
        var('input_folder') | string,
        var('input_relations'),
        var('event_roles'),
        var('session_source'),
        var('session_timeout_minutes'),
        var('attribution_window_minutes'),
        var('attribution_half_life_minutes'),
        var('funnels'),
    ], sort_keys=true))) }}
{% endmacro %}
