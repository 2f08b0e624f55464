{% test exists_in(model, to, columns=none, column_name=none, field=none, loaded_at=none) %}
    {#-
        Every value exists in another table: a column's in its field (of the same name where none is given), or a combination of
        columns in the columns of the same names. Nulls pass. Hashes are compared, so that long keys of long tables fit.
        With loaded_at, a daily run tests the rows that were loaded lately, against all rows of the other table.
    -#}
    {%- if (columns and (column_name or field)) or not (columns or column_name) -%}
        {%- do exceptions.raise_compiler_error(
            'exists_in: columns == ' ~ columns ~ ', column_name == ' ~ column_name ~ ', field == ' ~ field
            ~ '; must be a list of columns of the table, or a column with or without a field'
        ) -%}
    {%- endif -%}
    {%- set here = columns or [column_name] -%}
    {%- set there = columns or [field or column_name] -%}

select
    {{ here | join(', ') }}
from {{ model }}
where
    {{ hash_of(here | join(', ')) }} not in (select {{ hash_of(there | join(', ')) }} from {{ to }})
    {% for column in here %}
        and {{ column }} is not null
    {% endfor %}
    {{ where_tested(model, loaded_at, keyword='and') }}
{% endtest %}
