{% macro column_names(relation) %}
    {#- The columns of a relation in small letters; none while parsing. -#}
    {{ return(adapter.get_columns_in_relation(relation) | map(attribute='name') | map('lower') | list if execute else []) }}
{% endmacro %}
