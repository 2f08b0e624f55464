-- A session ends before it starts for none, and (where the timeout makes sessions) successive sessions of a user lie more than
-- the timeout apart: nearer ones, or such as overlap, should have been one.

{%- set recently = tested_since(ref('fct_sessions')) %}

with

sessions as (

    select
        session_id,
        user_id,
        count_events,
        duration_seconds,
        started_at,
        ended_at
    from {{ ref('fct_sessions') }}
    {% if recently %}
        where user_id in (select recent.user_id from {{ ref('fct_sessions') }} as recent where {{ recently }})
    {% endif %}

),

followed as (

    select
        *,
        lag(ended_at) over (partition by user_id order by started_at, ended_at) as previous_ended_at
    from sessions

)

select *
from followed
where
    ended_at < started_at
    or duration_seconds < 0
    or count_events < 1
    {% if var('session_source') == 'inactivity' %}
        or started_at - previous_ended_at <= interval '{{ var('session_timeout_minutes') }} minutes'
    {% endif %}
