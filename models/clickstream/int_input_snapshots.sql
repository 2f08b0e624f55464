-- What the inputs without a history of loads hold now. One row per input and column ('*': the rows themselves).
{%- set inputs = ['exposures', 'users', 'items', 'observations'] %}

with

{% for input_name in inputs %}
{{ input_name }}_measured as (

    select
        {{ column_measures(measured_columns(ref('stg_' ~ input_name), [])) }}
        count(*) as count_rows
    from {{ ref('stg_' ~ input_name) }}

){{ ',' if not loop.last }}
{% endfor %}

{% for input_name in inputs %}
select
    '{{ input_name }}' as input_name,
    '*' as column_name,
    count_rows,
    count_rows as count_values,
    null as minimum,
    null as maximum
from {{ input_name }}_measured

union all

select *
from (
    {{ column_rows(
        measured_columns(ref('stg_' ~ input_name), []), input_name ~ '_measured', "'" ~ input_name ~ "' as input_name"
    ) }}
) as {{ input_name }}_by_column
{{ 'union all' if not loop.last }}
{% endfor %}
