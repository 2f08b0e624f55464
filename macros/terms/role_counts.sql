{% macro role_counts() -%}
    {#- How often each role was played; the plural names that every mart uses. -#}
    count(*) filter (where {{ has_role('impression') }}) as count_impressions,
    count(*) filter (where {{ has_role('click') }}) as count_clicks,
    count(*) filter (where {{ has_role('cart') }}) as count_carts,
    count(*) filter (where {{ has_role('purchase') }}) as count_purchases
{%- endmacro %}
