-- The feature store's items: Parquet, one folder an as_of_date, so that models of any engine train on what was known that day.
{{
    config(
        options={'partition_by': 'as_of_date', 'overwrite_or_ignore': true, 'compression': 'zstd'},
        parquet_read_options={'union_by_name': true},
    )
}}

with

items as (

    select *
    from {{ ref('dim_items') }}

),

attributes as (

    select *
    from {{ ref('stg_items') }}

)

select
    {{ attributes_beside('items', column_names(ref('dim_items'))) }}
    items.* exclude (attributes) -- noqa: RF02
from items
left join attributes on items.item_id = attributes.item_id
