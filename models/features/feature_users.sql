-- The feature store's users: Parquet, one folder an as_of_date, so that models of any engine train on what was known that day.
{{
    config(
        options={'partition_by': 'as_of_date', 'overwrite_or_ignore': true, 'compression': 'zstd'},
        parquet_read_options={'union_by_name': true},
    )
}}

with

users as (

    select *
    from {{ ref('dim_users') }}

),

attributes as (

    select *
    from {{ ref('stg_users') }}

)

select
    {{ attributes_beside('users', column_names(ref('dim_users'))) }}
    users.* exclude (attributes) -- noqa: RF02
from users
left join attributes on users.user_id = attributes.user_id
