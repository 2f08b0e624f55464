{% test is_present_exactly_when(model, condition, columns=none, column_name=none, loaded_at=none) %}
    {#- Each of the columns has a value where the condition holds, and is null where it does not. -#}
    {%- set columns = columns_tested('is_present_exactly_when', columns, column_name) -%}

select
    {{ columns | join(', ') }}
from {{ model }}
where (
    {%- for column in columns %}
    ({{ column }} is not null) != coalesce({{ condition }}, false){{ ' or' if not loop.last }}
    {%- endfor %}
)
{{ where_tested(model, loaded_at, keyword='and') }}
{% endtest %}
