-- A conversion is credited once: one impression has all of its last-touch credit, its time-decay credits sum to one, none is
-- negative, and every credited impression is inside the attribution window.

select
    conversion_id,

    sum(last_touch_credit) as last_touch_credit,
    sum(time_decay_credit) as time_decay_credit,
    min(impressed_at) as first_impressed_at,
    max(converted_at) as converted_at
from {{ ref('int_conversions_credited') }}
{{ where_tested(ref('int_conversions_credited')) }}
group by all
having
    sum(last_touch_credit) != 1
    or not bool_and(coalesce(last_touch_credit in (0, 1), false))
    or not coalesce(abs(sum(time_decay_credit) - 1) <= 1e-9, false)
    or min(time_decay_credit) < 0
    or min(impressed_at) < max(converted_at) - {{ attribution_window() }}
    or max(impressed_at) > min(converted_at)
