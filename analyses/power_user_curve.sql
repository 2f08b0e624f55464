-- On how many of the last 28 days were users active: is there a core of daily users?
--
-- Asked by: whoever answers for engagement.
-- How to read it: each row is a number of active days and how many users had it; user_share sums to one over the users active
-- at least once in the 28 days. A curve that rises again at the right end is a product with a habit; one that only falls is
-- used in passing. or_more_share is the share of users with at least that many days.

with

users as (

    select *
    from {{ ref('dim_users') }}
    where days_active_28d > 0

),

numbers_of_days as (

    select unnest(generate_series(1, 28)) as days_active

),

curve as (

    select
        numbers_of_days.days_active,

        count(users.user_id) as count_users
    from numbers_of_days
    left join users on numbers_of_days.days_active = users.days_active_28d
    group by all

),

with_shares as (

    select
        *,
        count_users / nullif(sum(count_users) over (), 0) as user_share,
        sum(count_users) over (order by days_active desc) / nullif(sum(count_users) over (), 0) as or_more_share
    from curve

)

select *
from with_shares
order by days_active
