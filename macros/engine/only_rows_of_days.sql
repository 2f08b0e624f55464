{% macro only_rows_of_days() %}
    {#-
        Post-hook of the feature store. Of an empty table the adapter writes a row of nulls, in a folder of no day that nothing deletes, and
        hides it by hiding all rows that have a null anywhere. Here that file loses its row, and the view shows the rows of every day.
    -#}
    {% if execute %}
        {% set folder = external_location(this, config) %}
        {% set file_of_no_day = quoted_text(folder ~ '/as_of_date=__HIVE_DEFAULT_PARTITION__/data_0.parquet') %}
        {% if scalar('select count(*) from glob(' ~ file_of_no_day ~ ')') %}
            create or replace view {{ this }} as (
                select * from read_parquet({{ quoted_text(folder ~ '/*/*.parquet') }}, union_by_name = true)
                where as_of_date is not null
            );
            copy (select * exclude (as_of_date) from {{ this }} where false) to {{ file_of_no_day }} (format parquet)
        {% endif %}
    {% endif %}
{% endmacro %}
