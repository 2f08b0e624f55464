-- Which effects are modelled unit by unit: of the metrics named in var uplift_metrics, or of each experiment's primary metrics,
-- those with a value and retentions, if they are one number a unit. One row per experiment and metric.
{%- set named = var('uplift_metrics') %}

with

metrics as (

    select *
    from {{ ref('int_experiment_metrics') }}
    where
        {% if named -%}
        experiment_id || '.' || metric_name in ('{{ named | join("', '") }}')
        {%- else -%}
        kind in ('mean', 'conversion', 'retention')
        and (role = 'primary' or value_per_unit is not null or kind = 'retention')
        {%- endif %}

),

phases as (

    select
        experiment_id,
        count(distinct phase_id) as count_phases
    from {{ ref('experiment_phases') }}
    group by experiment_id

)

select
    metrics.experiment_id,
    metrics.metric_name,
    metrics.direction,
    case
        when metrics.kind not in ('mean', 'conversion', 'retention') then 'not_one_number_a_unit'
        when withheld.experiment_id is not null then withheld.reason
        when phases.count_phases > 1 then 'allocation_changed'
    end as reason,
    metrics.value_per_unit,
    metrics.is_proportion
from metrics
left join {{ ref('int_withheld_experiments') }} as withheld on metrics.experiment_id = withheld.experiment_id
left join phases on metrics.experiment_id = phases.experiment_id
