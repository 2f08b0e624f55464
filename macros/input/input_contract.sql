{% macro input_contract(input_name) %}
    {#- The declared table of models/staging/_input__sources.yml: {required, columns: [{name, type, required, key, ...}]}. -#}
    {% set found = graph.sources.values()
        | selectattr('source_name', 'equalto', 'input') | selectattr('name', 'equalto', input_name) | first %}
    {% set columns = [] %}
    {% for column in found.columns.values() %}
        {% set meta = column.config.meta %}
        {% set needs_session = column.name == 'session_id' and var('session_source') == 'tracker' %}
        {% do columns.append({
            'name': column.name,
            'type': column.data_type,
            'is_required': meta.get('required', false) or needs_session,
            'is_key': meta.get('key', false),
            'defaults_to': meta.get('defaults_to'),
            'valid_when': meta.get('valid_when', '').replace('{purchase}', has_role('purchase')),
            'otherwise': meta.get('otherwise'),
        }) %}
    {% endfor %}
    {{ return({'is_required': found.config.meta.get('required', false), 'columns': columns}) }}
{% endmacro %}
