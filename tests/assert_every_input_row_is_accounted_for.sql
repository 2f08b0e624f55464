-- Every row of every input is in staging or in quarantine: none is lost, none is counted twice. A daily run reads the rows
-- loaded since the last one, so rows that changed in place, or came with an old loaded_at, show here.

with

{% for input_name in input_names() %}
{{ input_name }}_read as (

    select count(*) as count_rows
    from {{ (input_location(input_name).scan if execute else none) or '(select 1 as nothing where false)' }}

),

{{ input_name }}_staged as (

    select count(*) as count_rows
    from {{ ref('stg_' ~ input_name) }}

),

{{ input_name }}_quarantined as (

    select coalesce(sum(count_rows), 0) as count_rows
    from {{ ref('stg_events_rejected' if input_name == 'events' else 'stg_rows_rejected') }}
    where input_name = '{{ input_name }}'

),

{% endfor %}
compared as (

    {% for input_name in input_names() %}
        select
            '{{ input_name }}' as input_name,
            {{ input_name }}_read.count_rows as count_rows_in_input,
            {{ input_name }}_staged.count_rows + {{ input_name }}_quarantined.count_rows as count_rows_accounted_for
        from {{ input_name }}_read
        cross join {{ input_name }}_staged
        cross join {{ input_name }}_quarantined
        {{ 'union all' if not loop.last }}
    {% endfor %}

)

select
    *,
    'rows changed or arrived with an old loaded_at: run make build FULL=1' as remedy
from compared
where count_rows_in_input != count_rows_accounted_for
