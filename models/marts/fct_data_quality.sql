-- The state of each input by day: rows against what the weekday leads one to expect, lateness, copies and unusable rows,
-- nulls and ranges of every column.

with

loads as (

    select *
    from {{ ref('int_event_loads') }}

),

snapshots as (

    select *
    from {{ ref('int_input_snapshots') }}
    where count_rows > 0

),

quarantined as (

    select
        *,
        reason = 'event_id is a duplicate' or reason like '%_id is a duplicate' as is_duplicate
    from {{ ref('fct_quarantined_rows') }}

),

latest as (

    select
        min(activity_date) as first_date,
        max(activity_date) as last_date,
        -- Without events, what the other inputs hold is of the day of the build.
        coalesce(max(loaded_date), current_date) as loaded_date
    from loads

),

-- Every day from the first to the last, also those on which nothing came.
days as (

    select
        first_date
        + cast({{ exploded_range('0', "date_diff('day', first_date, last_date)") }} as integer) as activity_date
    from latest

),

event_columns as (

    select
        activity_date,
        column_name,

        sum(count_rows) as count_rows,
        sum(count_values) as count_values,
        min(minimum) as minimum,
        max(maximum) as maximum
    from loads
    group by all

),

event_days as (

    select
        days.activity_date,
        coalesce(event_columns.count_rows, 0) as count_rows,
        coalesce(event_columns.count_rows - event_columns.count_values, 0) as count_late_rows
    from days
    left join event_columns
        on
            days.activity_date = event_columns.activity_date
            and event_columns.column_name = '*'

),

column_names as (

    select distinct column_name
    from event_columns
    where column_name != '*'

),

-- Loads from before a column came have no rows of it: all of their events are null there.
column_days as (

    select
        event_days.activity_date,
        column_names.column_name,
        event_days.count_rows,
        coalesce(event_columns.count_values, 0) as count_values,
        event_columns.minimum,
        event_columns.maximum
    from event_days
    cross join column_names
    left join event_columns
        on
            event_days.activity_date = event_columns.activity_date
            and column_names.column_name = event_columns.column_name
    where event_days.count_rows > 0

),

same_weekdays as (

    select
        event_days.activity_date,
        event_days.count_rows,
        earlier_days.count_rows as earlier_count_rows,
        median(earlier_days.count_rows) over (partition by event_days.activity_date) as expected_count_rows
    from event_days
    inner join event_days as earlier_days
        on
            event_days.activity_date - earlier_days.activity_date in (7, 14, 21, 28)

),

-- The spread is the largest of what the weekdays show, what counting alone gives, a twentieth, and one row.
baselines as (

    select
        activity_date,

        count(*) as count_weekdays,
        min(expected_count_rows) as expected_count_rows,
        greatest(
            1.4826 * median(abs(earlier_count_rows - expected_count_rows)),
            sqrt(min(expected_count_rows)),
            0.05 * min(expected_count_rows),
            1
        ) as spread
    from same_weekdays
    group by all

),

quarantined_days as (

    select
        quarantined.input_name,
        -- A row that is unusable because of its time belongs to the day it came.
        case
            when cast(quarantined.occurred_at as date) between latest.first_date and latest.last_date
                then cast(quarantined.occurred_at as date)
            else coalesce(cast(quarantined.loaded_at as date), latest.loaded_date)
        end as activity_date,

        sum(quarantined.count_rows) filter (where quarantined.is_duplicate) as count_duplicate_rows,
        sum(quarantined.count_rows) filter (where not quarantined.is_duplicate) as count_unusable_rows
    from quarantined
    cross join latest
    group by all

),

measures as (

    select
        'events' as input_name,
        event_days.activity_date,
        '*' as column_name,
        'rows' as measure,
        event_days.count_rows as value,
        greatest(baselines.expected_count_rows - {{ var('volume_anomaly_z') }} * baselines.spread, 0) as expected_lower,
        baselines.expected_count_rows + {{ var('volume_anomaly_z') }} * baselines.spread as expected_upper,
        case
            when coalesce(baselines.count_weekdays, 0) < 2 then 'fewer than two same weekdays before'
        end as reason
    from event_days
    left join baselines on event_days.activity_date = baselines.activity_date

    union all

    select
        'events' as input_name,
        activity_date,
        '*' as column_name,
        'late_share' as measure,
        count_late_rows / nullif(count_rows, 0) as value,
        null as expected_lower,
        null as expected_upper,
        'described, not judged' as reason
    from event_days

    {% for source, input_name, activity_date in [
        ('column_days', "'events'", 'activity_date'),
        ('snapshots', 'input_name', '(select latest.loaded_date from latest)'),
    ] %}
        {% for measure, value in {
            'null_share': '1 - count_values / count_rows', 'minimum': 'minimum', 'maximum': 'maximum',
        }.items() %}
            union all

            select
                {{ input_name }} as input_name,
                {{ activity_date }} as activity_date,
                column_name,
                '{{ measure }}' as measure,
                {{ value }} as value,
                null as expected_lower,
                null as expected_upper,
                'described, not judged' as reason
            from {{ source }}
            where column_name != '*' and {{ value }} is not null
        {% endfor %}
    {% endfor %}

    union all

    select
        input_name,
        (select latest.loaded_date from latest) as activity_date,
        column_name,
        'rows' as measure,
        count_rows as value,
        null as expected_lower,
        null as expected_upper,
        'described, not judged' as reason
    from snapshots
    where column_name = '*'

    {% for measure in ['duplicate', 'unusable'] %}
        union all

        select
            input_name,
            activity_date,
            '*' as column_name,
            '{{ measure }}_rows' as measure,
            coalesce(count_{{ measure }}_rows, 0) as value,
            null as expected_lower,
            null as expected_upper,
            'described, not judged' as reason
        from quarantined_days
    {% endfor %}

)

select
    input_name,
    column_name,
    measure,
    case
        when reason is not null then 'not_applicable'
        when value between expected_lower and expected_upper then 'pass'
        else 'warn'
    end as status,
    reason,
    cast(value as double) as value,
    cast(case when reason is null then expected_lower end as double) as expected_lower,
    cast(case when reason is null then expected_upper end as double) as expected_upper,
    activity_date
from measures
