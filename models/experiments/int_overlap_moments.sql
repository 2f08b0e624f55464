-- Primary metrics of units that are in two experiments at once, by their variants in both, reduced to sums about the metric's
-- mean. Of the pairs whose times overlap, the latest var interaction_pairs. One row per experiment, metric, variant, other
-- experiment and whether the other one treats.
-- depends_on: {{ ref('experiment_metrics') }}, {{ ref('int_unit_states') }}, {{ ref('int_metric_caps') }}
-- depends_on: {{ ref('int_unit_observations') }}
{%- set metrics = used_metrics(['mean', 'ratio', 'conversion'], role='primary') %}

with

experiments as (

    select *
    from {{ ref('experiments') }}
    where assignment = 'randomised'

),

controls as (

    select *
    from {{ ref('experiment_variants') }}
    where is_control

),

units as (

    select *
    from {{ ref('int_units_segmented') }}

),

pairs as (

    select
        one.experiment_id,
        other.experiment_id as other_experiment_id,
        controls.variant_id as other_control_id
    from experiments as one
    inner join experiments as other
        on
            one.experiment_id != other.experiment_id
            and one.started_at < coalesce(other.ended_at, timestamp 'infinity')
            and other.started_at < coalesce(one.ended_at, timestamp 'infinity')
    inner join controls on other.experiment_id = controls.experiment_id
    qualify row_number() over (order by one.started_at desc, one.experiment_id asc, other.experiment_id asc)
        <= {{ var('interaction_pairs') }}

),

shared_units as (

    select
        units.experiment_id,
        units.unit_id,
        units.variant_id,
        pairs.other_experiment_id,
        others.variant_id != pairs.other_control_id as is_other_treated
    from units
    inner join pairs on units.experiment_id = pairs.experiment_id
    inner join units as others
        on
            pairs.other_experiment_id = others.experiment_id
            and units.unit_id = others.unit_id

)
{%- for metric in metrics %},

{{ metric.name }}_values as (

    select
        shared_units.*,
        {{ capped(metric, 'states.' ~ metric.name ~ '__numerator') }} as numerator,
        {{ 'states.' ~ metric.name ~ '__denominator' if metric.denominator else '0' }} as denominator
    from shared_units
    inner join {{ ref('int_unit_observations') if metric.is_observed else ref('int_unit_states') }} as states
        on
            shared_units.experiment_id = states.experiment_id
            and shared_units.unit_id = states.unit_id
            {%- if not metric.is_observed %}
            and states.is_latest
            {%- endif %}
    inner join {{ ref('experiment_metrics') }} as registered
        on
            shared_units.experiment_id = registered.experiment_id
            and registered.metric_name = '{{ metric.name }}'
            and registered.role = 'primary'
    {%- if has_caps(metric) %}
    left join {{ ref('int_metric_caps') }} as caps
        on
            shared_units.experiment_id = caps.experiment_id
            and caps.metric_name = '{{ metric.name }}'
    {%- endif %}

),

{{ metric.name }}_pivoted as (

    select
        *,
        avg(numerator) over everyone as numerator_pivot,
        avg(denominator) over everyone as denominator_pivot
    from {{ metric.name }}_values
    window everyone as (partition by experiment_id, other_experiment_id)

)
{%- endfor %}

{% for metric in metrics %}
select
    experiment_id,
    '{{ metric.name }}' as metric_name,
    {{ 'true' if metric.denominator else 'false' }} as is_ratio,
    variant_id,
    other_experiment_id,
    is_other_treated,
    count(*) as count_units,
    [any_value(numerator_pivot), any_value(denominator_pivot)] as pivots,
    [sum(numerator - numerator_pivot), sum(denominator - denominator_pivot)] as sums,
    [
        sum((numerator - numerator_pivot) * (numerator - numerator_pivot)),
        sum((numerator - numerator_pivot) * (denominator - denominator_pivot)),
        sum((denominator - denominator_pivot) * (denominator - denominator_pivot))
    ] as products
from {{ metric.name }}_pivoted
group by experiment_id, variant_id, other_experiment_id, is_other_treated
{{ 'union all' if not loop.last }}
{%- else %}
select
    cast(null as varchar) as experiment_id,
    cast(null as varchar) as metric_name,
    false as is_ratio,
    cast(null as varchar) as variant_id,
    cast(null as varchar) as other_experiment_id,
    false as is_other_treated,
    cast(null as bigint) as count_units,
    cast(null as double[]) as pivots,
    cast(null as double[]) as sums,
    cast(null as double[]) as products
where false
{%- endfor %}
