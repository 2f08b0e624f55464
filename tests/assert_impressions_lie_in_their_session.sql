-- The session an impression names exists, and the impression was shown between its start and its end. Hashes are joined, so that
-- the ids of long tables fit.

with

impressions as (

    select *
    from {{ ref('fct_impressions') }}
    {{ where_tested(ref('fct_impressions')) }}

),

sessions as (

    select *
    from {{ ref('fct_sessions') }}

)

select
    impressions.impression_id,
    impressions.session_id,
    impressions.impressed_at,
    sessions.started_at,
    sessions.ended_at
from impressions
left join sessions on {{ hash_of('impressions.session_id') }} = {{ hash_of('sessions.session_id') }}
where
    sessions.session_id is null
    or impressions.impressed_at not between sessions.started_at and sessions.ended_at
