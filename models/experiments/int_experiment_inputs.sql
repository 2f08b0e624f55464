-- Everything that an experiment's results rest on, as a fingerprint: tables built of the same need not be built again (see
-- macros/incremental/changed_experiments.sql). One row per experiment.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_events_measured') }}, {{ ref('stg_observations') }}
{%- set parts = metric_parts(used_metrics(['mean', 'ratio', 'conversion', 'retention', 'quantile'])) %}
{%- set lookback_days = ((parts | map(attribute='lookback_days') | select | list) + [0]) | max %}
{%- set window_days = ((parts | map(attribute='window_days') | select | list) + [0]) | max %}
{%- set other_facts = {} %}
{%- for part in parts if part.fact.relation.identifier not in ['int_events_measured', 'fct_sessions', 'stg_observations'] %}
{%- do other_facts.update({part.fact.name: part.fact}) %}
{%- endfor %}

with

experiments as (

    select *
    from {{ ref('experiments') }}

),

variants as (

    select *
    from {{ ref('experiment_variants') }}

),

phases as (

    select *
    from {{ ref('experiment_phases') }}

),

metrics as (

    select *
    from {{ ref('experiment_metrics') }}

),

units as (

    select *
    from {{ ref('int_units_segmented') }}

),

users as (

    select *
    from {{ ref('stg_users') }}

),

observations as (

    select *
    from {{ ref('stg_observations') }}

),

sessions as (

    select *
    from {{ ref('fct_sessions') }}

),

spans as (

    select
        units.experiment_id,
        units.unit_id,
        units.first_exposed_at - interval '{{ lookback_days }} days' as begins_at,
        greatest(
            coalesce(experiments.ended_at, timestamp 'infinity'), units.first_exposed_at + interval '{{ window_days }} days'
        ) as ends_at
    from units
    inner join experiments on units.experiment_id = experiments.experiment_id

),

-- How far the events go: what is not over yet, such as a retention's days, is by then.
known_until as (

    select max(occurred_at) as latest_event_at
    from {{ ref('stg_events') }}

),

hashed as (

    {% for source in ['experiments', 'variants', 'phases', 'metrics', 'units', 'observations'] -%}
    select
        experiment_id,
        '{{ source }}' as source,
        hash({{ source }}) as row_hash -- noqa: RF02
    from {{ source }}

    union all

    {% endfor -%}
    select
        units.experiment_id,
        'users' as source,
        hash(users) as row_hash -- noqa: RF02
    from units
    inner join users on units.unit_id = users.user_id

    union all

    -- Every event is in one session, which it moves to its own loaded_at: sessions say as much as events, and are fewer.
    select
        spans.experiment_id,
        'sessions' as source,
        hash(sessions.session_id, sessions.count_events, sessions.loaded_at) as row_hash
    from spans
    inner join sessions
        on
            spans.unit_id = sessions.user_id
            and spans.begins_at <= sessions.ended_at
            and spans.ends_at > sessions.started_at

    union all

    {% for fact in other_facts.values() -%}
    select
        spans.experiment_id,
        '{{ fact.name }}' as source,
        hash(fact) as row_hash -- noqa: RF02
    from spans
    inner join {{ fact.relation }} as fact
        on
            spans.unit_id = fact.{{ fact.unit }}
            and spans.begins_at <= fact.{{ fact.time }}
            and spans.ends_at > fact.{{ fact.time }}

    union all

    {% endfor -%}
    select
        spans.experiment_id,
        'days' as source,
        hash(least(max(spans.ends_at), any_value(known_until.latest_event_at))) as row_hash
    from spans
    cross join known_until
    group by spans.experiment_id

),

summed as (

    select
        experiment_id,
        source,

        count(*) as count_rows,
        sum(row_hash) as sum_of_hashes
    from hashed
    group by experiment_id, source

)

select
    experiment_id,
    md5(string_agg(concat_ws(' ', source, count_rows, sum_of_hashes), ', ' order by source)) as fingerprint,
    '{{ experiment_settings() }}' as settings
from summed
group by experiment_id
