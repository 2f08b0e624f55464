{% test is_finite(model, columns=none, column_name=none, loaded_at=none) %}
    {#- No value of the columns is infinite or not a number; nulls pass. -#}
    {%- set columns = columns_tested('is_finite', columns, column_name) -%}

select
    {{ columns | join(', ') }}
from {{ model }}
where ({% for column in columns %}not isfinite({{ column }}){{ ' or ' if not loop.last }}{% endfor %})
{{ where_tested(model, loaded_at, keyword='and') }}
{% endtest %}
