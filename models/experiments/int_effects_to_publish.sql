-- What the snapshot of published effects remembers: effects at a fixed horizon, with ten digits, since the order of a sum moves
-- the last ones, and what they were computed from. One row per experiment, metric, pair of variants, dimension, segment, day and
-- variance reduction.
{%- set keys = [
    'experiment_id', 'metric_name', 'control_variant_id', 'treatment_variant_id', 'dimension', 'segment', 'as_of_date', 'variance_reduction'
] %}
{%- set definition = [
    'kind', 'quantile', 'quantile_over', 'window_days', 'lookback_days', 'retention_from_day', 'retention_to_day', 'cap_lower', 'cap_upper',
    'cap_lower_percentile', 'cap_upper_percentile'
] %}

with

effects as (

    select *
    from {{ ref('fct_experiment_effects') }}
    where inference = 'fixed'

),

metrics as (

    select
        metric_name,
        -- Each field in its place: a window of seven days is no lookback of seven days.
        concat_ws(
            '|'
            {%- for field in definition %},
            coalesce(cast({{ field }} as varchar), '')
            {%- endfor %}
        ) as metric_definition
    from {{ ref('dim_metrics') }}

)

select
    concat_ws('|', {{ 'effects.' ~ keys | join(', effects.') }}) as effect_id,
    {%- for key in keys %}
    effects.{{ key }},
    {%- endfor %}
    effects.count_control,
    effects.count_treatment,
    {{ ten_digits('effects.absolute_effect') }} as absolute_effect,
    {{ ten_digits('effects.standard_error') }} as standard_error,
    {{ ten_digits('effects.p_value') }} as p_value,
    effects.reason,
    metrics.metric_definition
from effects
left join metrics on effects.metric_name = metrics.metric_name
