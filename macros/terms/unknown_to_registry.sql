{% macro unknown_to_registry() -%}
    {#- Branches of a case: why a row does not count, whose experiment and variant were looked up in relations named so. -#}
    when experiments.experiment_id is null then 'the registry has no such experiment'
    when variants.variant_id is null then 'the registry has no such variant'
{%- endmacro %}
