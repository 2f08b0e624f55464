{% test is_between(model, lower=none, upper=none, columns=none, column_name=none, loaded_at=none) %}
    {#- No value of the columns is below lower or above upper; either may be left out. Both bounds are allowed values, nulls pass. -#}
    {%- set columns = columns_tested('is_between', columns, column_name) -%}
    {%- if lower is not number and upper is not number -%}
        {%- do exceptions.raise_compiler_error("is_between: lower == " ~ lower ~ " and upper == " ~ upper ~ ", one must be a number") -%}
    {%- endif -%}

select
    {{ columns | join(', ') }}
from {{ model }}
where (
    {%- for column in columns -%}
        {%- if lower is number %}
    {{ column }} < {{ lower }} or
        {%- endif -%}
        {%- if upper is number %}
    {{ column }} > {{ upper }} or
        {%- endif -%}
    {%- endfor %}
    false
)
{{ where_tested(model, loaded_at, keyword='and') }}
{% endtest %}
