{% macro input_columns(input_name, of=none) %}
    {#- What a staging model of this input selects: the contract's columns, then the attributes; `of` a relation if one is named. -#}
    {% set columns = input_contract(input_name).columns | map(attribute='name') | list if execute else ['1'] %}
    {% for name in attribute_names(input_name) %}
        {% do columns.append(adapter.quote(name)) %}
    {% endfor %}
    {% set prefix = of ~ '.' if of else '' %}
    {{ return(prefix ~ columns | join(',\n    ' ~ prefix)) }}
{% endmacro %}
