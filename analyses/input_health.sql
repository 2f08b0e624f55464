-- Can today's numbers be trusted: which rows were left out, which days look wrong, how much comes late?
--
-- Asked by: the analytics engineer on duty, before anyone else asks.
-- How to read it: one row per input and finding. 'rows' are the rows of the input that could be read. 'quarantined' rows were set
-- aside, with the reason; the rows themselves are in fct_quarantined_rows. 'late' are events loaded more than a day after they
-- happened. 'unexpected volume' are days with far more or fewer rows than the same weekdays before; the bounds are in
-- fct_data_quality. relative_count is count_found for each row that could be read, for 'unexpected volume' for each day judged.

with

data_quality as (

    select *
    from {{ ref('fct_data_quality') }}

),

quarantined_rows as (

    select *
    from {{ ref('fct_quarantined_rows') }}

),

input_rows as (

    select
        input_name,

        sum(value) as count_rows
    from data_quality
    where
        measure = 'rows'
        and column_name = '*'
    group by all

),

quarantined as (

    select
        input_name,
        reason,

        sum(count_rows) as count_quarantined
    from quarantined_rows
    group by all

),

late as (

    select
        late_shares.input_name,

        sum(late_shares.value * row_counts.value) as count_late
    from data_quality as late_shares
    inner join data_quality as row_counts
        on
            late_shares.input_name = row_counts.input_name
            and late_shares.activity_date = row_counts.activity_date
            and row_counts.measure = 'rows'
            and row_counts.column_name = '*'
    where
        late_shares.measure = 'late_share'
        and late_shares.column_name = '*'
    group by all

),

findings as (

    select
        input_name,
        'rows' as finding,
        'that could be read' as detail,
        count_rows as count_found,
        count_rows as count_looked_at
    from input_rows

    union all

    select
        quarantined.input_name,
        'quarantined' as finding,
        quarantined.reason as detail,
        quarantined.count_quarantined as count_found,
        input_rows.count_rows as count_looked_at
    from quarantined
    left join input_rows on quarantined.input_name = input_rows.input_name

    union all

    select
        late.input_name,
        'late' as finding,
        'loaded more than a day after it happened' as detail,
        round(late.count_late) as count_found,
        input_rows.count_rows as count_looked_at
    from late
    inner join input_rows on late.input_name = input_rows.input_name

    union all

    select
        input_name,
        'unexpected volume' as finding,
        'days, the latest ' || coalesce(cast(max(activity_date) filter (where status = 'warn') as varchar), 'never') as detail,
        count(*) filter (where status = 'warn') as count_found,
        count(*) as count_looked_at
    from data_quality
    where
        measure = 'rows'
        and status in ('pass', 'warn')
    group by all

),

relative as (

    select
        input_name,
        finding,
        detail,
        cast(count_found as bigint) as count_found,
        count_found / nullif(count_looked_at, 0) as relative_count
    from findings

)

select *
from relative
order by
    input_name,
    finding,
    detail
