-- Every day from 2000 on: what MetricFlow counts time by. One row per day.

select cast(date '2000-01-01' + cast(day_number as integer) as date) as date_day
from (select {{ exploded_range(0, 18262) }} as day_number) as days
