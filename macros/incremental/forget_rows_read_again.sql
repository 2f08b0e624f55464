{% macro forget_rows_read_again() %}
    {#-
        Pre-hook of stg_events_rejected. Rows that lie after the watermark, or that have no time at all, are read again by every
        daily run. What was wrong with them may have been repaired since, or passed: a load in the future is one no longer.
    -#}
    {%- if is_incremental() -%}
        {%- set watermark = events_watermark() -%}
        delete from {{ this }}
        {%- if watermark %}
        where coalesce(loaded_at, timestamp 'infinity') > timestamp '{{ watermark }}'
        {%- endif -%}
    {%- endif -%}
{% endmacro %}
