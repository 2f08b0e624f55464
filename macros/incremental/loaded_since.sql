{% macro loaded_since() %}
    {#- The watermark of this model: what it holds was loaded up to then. Rows loaded later are new to it. -#}
    {{ return(scalar("select coalesce(max(loaded_at), timestamp '0001-01-01') from " ~ this)) }}
{% endmacro %}
