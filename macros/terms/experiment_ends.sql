{% macro experiment_ends() %}
    {#- When each experiment ended, of all its phases the last; infinity while it is open. -#}
    select
        experiment_id,

        max(coalesce(ended_at, timestamp 'infinity')) as ended_at
    from {{ ref('dim_experiment_variants') }}
    group by all
{% endmacro %}
