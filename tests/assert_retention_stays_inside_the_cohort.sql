-- Of a cohort at most everybody is active, whoever is active in a period is active in it or later, and rolling retention only
-- falls; the users of all time are all active in the period they joined in.

with

cohorts as (

    select
        *,
        lag(count_active_or_later) over (
            partition by period_kind, experiment_id, variant_id, cohort_period
            order by period_offset
        ) as previous_count_active_or_later
    from {{ ref('fct_cohort_retention') }}

)

select *
from cohorts
where
    count_active_or_later > count_users
    or count_active > count_active_or_later
    or count_active_or_later > previous_count_active_or_later
    or (experiment_id = 'all' and period_offset = 0 and count_active != count_users)
