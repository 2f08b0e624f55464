-- Rows of the inputs other than events that can't be used, and repeats of a key. One row per distinct raw row.

with

{% for input_name in input_names() if input_name != 'events' %}
{% set keys = key_names(input_name) %}

{{ input_name }} as {{ inlined() }} (

    {{ input_rows(input_name, with_raw=true) }}

),

{% if keys %}
{{ repeats_of_keys(input_name) }},
{% endif %}

{{ input_name }}_with_reason as (

    select
        _raw_row,
        _rejection_reason as reason
    from {{ input_name }}
    where _rejection_reason is not null

    {% if keys %}
    union all

    select
        _raw_row,
        '{{ keys | join(', ') }} is a duplicate' as reason
    from {{ input_name }}_repeats
    where copy_number > 1
    {% endif %}

),

{{ input_name }}_rejected as (

    select
        {{ quarantined_row_columns(input_name) }},

        count(*) as count_rows
    from {{ input_name }}_with_reason
    group by all

){{ ',' if not loop.last }}
{% endfor %}

{% for input_name in input_names() if input_name != 'events' %}
select *
from {{ input_name }}_rejected
{{ 'union all' if not loop.last }}
{% endfor %}
