-- The feature store's contexts: Parquet, one folder an as_of_date, so that models of any engine train on what was known that day.
{{
    config(
        options={'partition_by': 'as_of_date', 'overwrite_or_ignore': true, 'compression': 'zstd'},
        parquet_read_options={'union_by_name': true},
    )
}}

select *
from {{ ref('dim_contexts') }}
