-- How much of each week's revenue comes from users who are new that week, and how much from users who came back?
--
-- Asked by: finance and marketing.
-- How to read it: a user is new in the week of the first event and returning in every later one. The first weeks look newer
-- than they are: users from before the data begins count as new when they first appear. The last week may not be over.

with

user_days as (

    select
        *,
        cast(date_trunc('week', activity_date) as date) as activity_week,
        -- Of all days, as dim_users knows only those before as_of_date.
        cast(date_trunc('week', min(activity_date) over (partition by user_id)) as date) as first_active_week
    from {{ ref('fct_user_days') }}

),

revenue_by_week as (

    select
        activity_week,
        case when activity_week = first_active_week then 'new' else 'returning' end as user_kind,

        count(distinct user_id) as count_users,
        count(distinct user_id) filter (where revenue > 0) as count_paying_users,
        sum(revenue) as revenue
    from user_days
    group by all

),

with_shares as (

    select
        *,
        revenue / nullif(sum(revenue) over (partition by activity_week), 0) as revenue_share,
        revenue / count_users as revenue_per_user
    from revenue_by_week

)

select *
from with_shares
order by
    activity_week,
    user_kind
