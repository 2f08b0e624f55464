-- What each unit's rows rest on, as a fingerprint: who it is and what it did, from its lookback until counts_until, when its
-- experiment's metrics look no further. One row per experiment and unit; changed_at is the first build that found it so (see
-- macros/incremental/changed_experiments.sql).
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_events_measured') }}, {{ ref('stg_observations') }}
{%- set metrics = used_metrics(['mean', 'ratio', 'conversion', 'retention', 'quantile']) %}
{%- set parts = metric_parts(metrics) %}
{%- set lookback_days = ((parts | map(attribute='lookback_days') | select | list) + [0]) | max %}
{%- set other_facts = {} %}
{#- Sessions tell of their events; an observation is in the unit's own row. -#}
{%- set told_by_sessions = ['int_events_measured.occurred_at', 'fct_sessions.started_at', 'fct_sessions.ended_at'] %}
{%- for fact in parts | map(attribute='fact') | rejectattr('is_observed') %}
{%- set timed = fact.relation.identifier ~ '.' ~ fact.time %}
{%- if timed not in told_by_sessions %}{% do other_facts.update({fact.name: fact}) %}{% endif %}
{%- endfor %}
{%- set earlier = adapter.get_relation(this.database, this.schema, this.identifier) if execute %}

with

experiments as (

    select *
    from {{ ref('experiments') }}

),

-- A row as a whole is named _row, as no column is: each hash says of what table it is, so that a row of one is none of another.
units as (

    select
        experiment_id,
        unit_id,
        first_exposed_at,
        hash('unit', _row) as row_hash
    from {{ ref('int_units_segmented') }} as _row -- noqa: AL05

),

users as (

    select
        user_id,
        hash('user', _row) as row_hash
    from {{ ref('stg_users') }} as _row -- noqa: AL05

),

observations as (

    select
        experiment_id,
        unit_id,
        hash('observation', _row) as row_hash
    from {{ ref('stg_observations') }} as _row -- noqa: AL05

),

sessions as (

    select *
    from {{ ref('fct_sessions') }}

),

-- Days after exposure that each experiment's metrics look at, 0 if no further than to its end. What is observed has no days.
windows as (

    select
        experiment_id,

        max(case
            {% for metric in metrics if metric_parts([metric]) | rejectattr('fact.is_observed') | list -%}
            when metric_name = '{{ metric.name }}' then {{ (metric_parts([metric]) | map(attribute='window_days') | first) or 0 }}
            {% endfor -%}
            when false then 0
        end) as window_days
    from {{ ref('experiment_metrics') }}
    group by experiment_id

),

spans as (

    select
        units.experiment_id,
        units.unit_id,
        units.row_hash,
        units.first_exposed_at - interval '{{ lookback_days }} days' as begins_at,
        case
            when windows.window_days is null then units.first_exposed_at
            else greatest(
                coalesce(experiments.ended_at, timestamp 'infinity'),
                units.first_exposed_at + to_days(windows.window_days)
            )
        end as counts_until
    from units
    inner join experiments on units.experiment_id = experiments.experiment_id
    left join windows on units.experiment_id = windows.experiment_id

),

-- A sum of hashes does not depend on their order.
of_rows as (

    select
        experiment_id,
        unit_id,
        counts_until,
        row_hash
    from spans

    union all

    select
        units.experiment_id,
        units.unit_id,
        null as counts_until,
        users.row_hash
    from units
    inner join users on units.unit_id = users.user_id

    union all

    select
        units.experiment_id,
        units.unit_id,
        null as counts_until,
        observations.row_hash
    from units
    inner join observations
        on
            units.experiment_id = observations.experiment_id
            and units.unit_id = observations.unit_id

    union all

    -- Every event is in one session, which it moves to its own loaded_at: sessions say as much as events, and are fewer.
    select
        spans.experiment_id,
        spans.unit_id,
        null as counts_until,
        hash('session', sessions.session_id, sessions.count_events, sessions.loaded_at) as row_hash
    from spans
    inner join sessions
        on
            spans.unit_id = sessions.user_id
            and spans.begins_at <= sessions.ended_at
            and spans.counts_until > sessions.started_at
    {%- for fact in other_facts.values() %}

    union all

    select
        spans.experiment_id,
        spans.unit_id,
        null as counts_until,
        hash('{{ fact.name }}', _row) as row_hash
    from spans
    inner join {{ fact.relation }} as _row
        on
            spans.unit_id = _row.{{ fact.unit }}
            and spans.begins_at <= _row.{{ fact.time }}
            and spans.counts_until > _row.{{ fact.time }}
    {%- endfor %}

),

fingerprints as (

    select
        experiment_id,
        unit_id,

        sum(row_hash) as fingerprint,
        max(counts_until) as counts_until
    from of_rows
    group by experiment_id, unit_id

)

{%- if earlier %},

-- Rendered, as the table that is about to be replaced.
earlier as (

    select *
    from {{ earlier }}

),

this_build as (

    -- Later than what is remembered, also where the clock was set back.
    select greatest(cast(now() as timestamp), max(changed_at) + interval '1 microsecond') as built_at
    from earlier

)

select
    fingerprints.experiment_id,
    fingerprints.unit_id,
    fingerprints.fingerprint,
    fingerprints.counts_until,
    case when fingerprints.fingerprint = earlier.fingerprint then earlier.changed_at else this_build.built_at end as changed_at
from fingerprints
cross join this_build
left join earlier
    on
        fingerprints.experiment_id = earlier.experiment_id
        and fingerprints.unit_id = earlier.unit_id
{%- else %}

select
    *,
    cast(now() as timestamp) as changed_at
from fingerprints
{%- endif %}
