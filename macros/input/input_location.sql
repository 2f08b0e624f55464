{% macro input_location(input_name) %}
    {#-
        Where an input is: {kind: relation | parquet | csv | absent, label: how messages name it, scan: what FROM takes}.
        Two candidates are an error: a folder with events.csv and events.parquet would be read by chance.
    -#}
    {% set relation = var('input_relations').get(input_name) %}
    {% if relation %}
        {{ return({'kind': 'relation', 'label': 'relation ' ~ relation, 'scan': relation}) }}
    {% endif %}

    {% set present = input_patterns(input_name) %}
    {% if present | length > 1 %}
        {{ input_error([_too_many_files(input_name, present)]) }}
    {% elif not present %}
        {{ return({'kind': 'absent', 'label': var('input_folder') ~ '/' ~ input_name ~ '.parquet or .csv', 'scan': none}) }}
    {% endif %}

    {% set pattern = present[0] %}
    {% set kind = 'parquet' if pattern.endswith('parquet') else 'csv' %}
    {% set scan = _csv_scan(input_name, pattern) if kind == 'csv' else plain_scan(pattern) %}
    {{ return({'kind': kind, 'label': pattern, 'scan': scan}) }}
{% endmacro %}


{% macro input_patterns(input_name) %}
    {#- The patterns by which files of this input are found in the input folder. -#}
    {% set stem = var('input_folder') ~ '/' ~ input_name %}
    {% set found = [] %}
    {% for ending in ['parquet', 'csv', 'csv.gz'] %}
        {% for pattern in [stem ~ '.' ~ ending, stem ~ '/*.' ~ ending] %}
            {% set quoted = quoted_text(pattern) %}
            {% do found.append('select ' ~ found | length ~ ' as place, ' ~ quoted ~ ' as pattern from glob(' ~ quoted ~ ')') %}
        {% endfor %}
    {% endfor %}
    {#- One query for all: this is asked often, and each query costs dbt more than it costs DuckDB. -#}
    {% set present = run_query('select distinct place, pattern from (' ~ found | join(' union all ') ~ ') order by place') %}
    {{ return(present.columns[1].values() | list) }}
{% endmacro %}


{% macro plain_scan(pattern) %}
    {#- The files as they are. CSV is as RFC 4180 has it: guessing delimiter, quotes and comments from the first rows misreads later ones. -#}
    {% if pattern.endswith('parquet') %}
        {{ return('read_parquet(' ~ quoted_text(pattern) ~ ', union_by_name = true)') }}
    {% endif %}
    {{ return('read_csv(' ~ quoted_text(pattern) ~ ", header = true, delim = ',', quote = '\"', escape = '\"', comment = '', union_by_name = true)") }}
{% endmacro %}


{% macro _csv_scan(input_name, pattern) %}
    {#- The contract's columns are read as text, so that an unreadable value is one row's reason and not the file's end. -#}
    {% set declared = input_contract(input_name).columns | map(attribute='name') | list %}
    {% set types = [] %}
    {% for name in described_columns(plain_scan(pattern)) if name | lower in declared %}
        {% do types.append(quoted_text(name) ~ ": 'varchar'") %}
    {% endfor %}
    {{ return(plain_scan(pattern)[:-1] ~ (', types = {' ~ types | join(', ') ~ '})' if types else ')')) }}
{% endmacro %}


{% macro _too_many_files(input_name, patterns) %}
    {{ return(patterns | join(' and ') ~ ' are both there. Expected: ' ~ input_name ~ ' once. Remove or rename one of them.') }}
{% endmacro %}
