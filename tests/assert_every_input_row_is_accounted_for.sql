-- Every row of every input is in staging or in quarantine: none is lost, none is counted twice. Events that an earlier run has
-- read may be gone from the input since; one of them that is not in the warehouse came with an old loaded_at, and was missed.
-- Tables are rendered, so that --empty and --sample leave none of their rows out: staging holds the whole input all the same.

with

event_rows as (

    {{ input_rows('events') }}

),

events_read as (

    select
        cast(loaded_at as date) as loaded_date,
        coalesce({{ loaded_before_last_run() }}, false) as may_be_gone,

        count(*) as count_rows
    from event_rows
    group by all

),

events_staged as (

    select
        cast(loaded_at as date) as loaded_date,
        {{ loaded_before_last_run() }} as may_be_gone,

        count(*) as count_rows
    from {{ ref('stg_events').render() }}
    group by all

),

events_quarantined as (

    select
        cast(loaded_at as date) as loaded_date,
        coalesce({{ loaded_before_last_run() }}, false) as may_be_gone,

        sum(count_rows) as count_rows
    from {{ ref('stg_events_rejected').render() }}
    group by all

),

{% for input_name in input_names() if input_name != 'events' %}
{{ input_name }}_read as (

    select count(*) as count_rows
    from {{ (input_location(input_name).scan if execute else none) or '(select 1 as nothing where false)' }}

),

{{ input_name }}_staged as (

    select count(*) as count_rows
    from {{ ref('stg_' ~ input_name).render() }}

),

{{ input_name }}_quarantined as (

    select coalesce(sum(count_rows), 0) as count_rows
    from {{ ref('stg_rows_rejected').render() }}
    where input_name = '{{ input_name }}'

),

{% endfor %}
counted as (

    {% for input_name in input_names() %}
        {% for part in ['read', 'staged', 'quarantined'] %}
            select
                '{{ input_name }}' as input_name,
                {{ 'loaded_date' if input_name == 'events' else 'cast(null as date)' }} as loaded_date,
                {{ 'may_be_gone' if input_name == 'events' else 'false' }} as may_be_gone,
                {{ 'count_rows' if part == 'read' else '0' }} as count_rows_in_input,
                {{ 'count_rows' if part != 'read' else '0' }} as count_rows_accounted_for
            from {{ input_name }}_{{ part }}
            {{ 'union all' if not loop.last }}
        {% endfor %}
        {{ 'union all' if not loop.last }}
    {% endfor %}

),

compared as (

    select
        input_name,
        loaded_date,
        may_be_gone,

        sum(count_rows_in_input) as count_rows_in_input,
        sum(count_rows_accounted_for) as count_rows_accounted_for
    from counted
    group by all

)

select
    *,
    'rows changed or arrived with an old loaded_at: run make build FULL=1 with the DATA of every build, while all files are there'
        as remedy
from compared
where
    count_rows_in_input > count_rows_accounted_for
    or (count_rows_in_input < count_rows_accounted_for and not may_be_gone)
