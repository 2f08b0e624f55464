-- Do users come back in the weeks after their first, and do later cohorts come back more than earlier ones?
--
-- Asked by: whoever answers for growth.
-- How to read it: a row is a cohort, the users first seen in the week that begins on cohort_period. Go along a row to see a
-- cohort fade, down a column to compare cohorts of the same age. An empty cell is a week that was not over where the data end;
-- weeks_observed counts those that were, the cohort's first included, as far as var retention_periods follows it. The first row
-- also holds everyone who was a user before the data begins.
{%- set last_week = 5 %}

with

retention as (

    select *
    from {{ ref('fct_cohort_retention') }}
    where
        experiment_id = 'all'
        and period_kind = 'week'

),

triangle as (

    select
        cohort_period,

        max(count_users) as count_users,
        {% for week in range(1, last_week + 1) %}
            max(retention_rate) filter (where period_offset = {{ week }}) as retention_rate_week_{{ week }},
        {% endfor %}
        count(*) filter (where is_mature) as weeks_observed
    from retention
    group by all

)

select *
from triangle
order by cohort_period
