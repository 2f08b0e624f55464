-- Rows of the inputs other than events that can't be used, and repeats of a key. One row per distinct raw row.

with

{% for input_name in input_names() if input_name != 'events' %}
{% set keys = (input_contract(input_name).columns if execute else []) | selectattr('is_key') | map(attribute='name') | list %}

{{ input_name }} as (

    {{ input_rows(input_name, with_raw=true) }}

),

{{ input_name }}_with_reason as (

    select
        _raw_row,
        {% if keys %}
            coalesce(_rejection_reason, case
                when row_number() over (
                    partition by {{ keys[0] }}, _rejection_reason is null
                    order by {{ raw_row_as_text() }}
                ) > 1 then '{{ keys[0] }} is a duplicate'
            end) as reason
        {% else %}
            _rejection_reason as reason
        {% endif %}
    from {{ input_name }}

),

{{ input_name }}_rejected as (

    select
        {{ quarantined_row_columns(input_name) }},

        count(*) as count_rows
    from {{ input_name }}_with_reason
    where reason is not null
    group by all

){{ ',' if not loop.last }}
{% endfor %}

{% for input_name in input_names() if input_name != 'events' %}
select *
from {{ input_name }}_rejected
{{ 'union all' if not loop.last }}
{% endfor %}
