{% macro validate_inputs() %}
    {#- On-run-start: looks at every input before anything is built, and stops the build with all problems at once. -#}
    {% if execute and flags.WHICH in ['build', 'run'] %}
        {% set problems = [] %}
        {% for input_name in input_names() %}
            {% do problems.extend(_input_problems(input_name)) %}
        {% endfor %}
        {% if problems %}
            {{ input_error(problems | unique | list) }}
        {% endif %}
        {% do _warn_of_inputs_gone() %}
    {% endif %}
{% endmacro %}


{% macro _warn_of_inputs_gone() %}
    {#- Optional inputs that staging still has from the build before: without their files it will be empty. -#}
    {% for input_name, what_follows in {
        'exposures': 'its experiments have no data now',
        'users': 'users have no attributes now',
        'items': 'items have no prices and attributes now',
        'observations': 'its experiments have no data now',
    }.items() if input_location(input_name).kind == 'absent' %}
        {% set staged = adapter.get_relation(target.database, 'staging', 'stg_' ~ input_name) %}
        {% if staged and scalar('select exists (select 1 from ' ~ staged ~ ')') %}
            {% do exceptions.warn('lifthouse: ' ~ input_location(input_name).label ~ ' is not there, and was in the build before: ' ~ what_follows
                ~ '. Expected: every input again. Put it back and build again, unless it is gone for good.') %}
        {% endif %}
    {% endfor %}
{% endmacro %}


{% macro _input_problems(input_name) %}
    {% set contract = input_contract(input_name) %}
    {% set relation = var('input_relations').get(input_name) %}
    {% if relation and not relation_exists(relation) %}
        {{ return(['relation ' ~ relation ~ ' does not exist. Expected: the table or view that var input_relations names for '
            ~ input_name ~ ', with its schema and, where a name needs them, quotes. Create it, or correct the name.']) }}
    {% elif not relation %}
        {% set problems = _file_problems(input_name, contract) %}
        {% if problems %}
            {{ return(problems) }}
        {% endif %}
    {% endif %}

    {% set location = input_location(input_name) %}
    {% if location.kind == 'absent' %}
        {{ return([]) }}
    {% endif %}

    {% set problems = _column_problems(location, contract) %}
    {% if location.kind == 'parquet' and not problems %}
        {% do problems.extend(_repeated_names(location)) %}
    {% endif %}
    {% if location.kind == 'csv' and not problems %}
        {% do problems.extend(_reading_problems(location.label, 'select count(columns(*)) from ' ~ location.scan)) %}
    {% elif location.kind == 'parquet' and '*' in location.label and not problems %}
        {% do problems.extend(_problems_of_types_that_differ(location, contract)) %}
    {% endif %}
    {% if not problems and input_name == 'events' %}
        {% do problems.extend(_attribute_problems(location)) %}
    {% endif %}
    {% if not problems %}
        {% do problems.extend(_row_problems(input_name, location, contract)) %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}


{% macro _problems_of_each_file(location, contract, nowhere_in=[], loaded_after=none) %}
    {#-
        A column that only some files have is null in the rows of the others: says which. Looks at all files, or at those only of
        whose new rows none has a value of one of some columns.
    -#}
    {% set files = 'select file from glob(' ~ quoted_text(location.label) ~ ')' %}
    {% if nowhere_in %}
        {% set where_new = _where_new(_lowered_keys(described_columns(location.scan)), loaded_after) %}
        {#- A column of the input can't be called _row. -#}
        {% set files = 'select _row from ' ~ location.scan[:-1] ~ ", filename = '_row') as _row " ~ where_new ~ ' group by _row having least(count('
            ~ nowhere_in | join('), count(') ~ ')) = 0' %}
    {% endif %}
    {% set problems = [] %}
    {% for row in run_query(files ~ ' order by 1') %}
        {% do problems.extend(_column_problems({'label': row[0], 'scan': plain_scan(row[0])}, contract)) %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}


{% macro _problems_of_types_that_differ(location, contract) %}
    {#- Columns that have one type in some Parquet files and another in others are read as either: what can't be both stops the build. -#}
    {% set differing = run_query('select lower(name) from parquet_schema(' ~ quoted_text(location.label) ~ ') group by lower(name)'
        ~ ' having count(distinct (type, converted_type, logical_type)) > 1').columns[0].values() | list %}
    {% set problems, counts = [], [] %}
    {% if contract.columns | map(attribute='name') | select('in', differing) | list %}
        {% do problems.extend(_problems_of_each_file(location, contract)) %}
    {% endif %}
    {#- What differs may be a field of a nested column. -#}
    {% for name, type in (described_columns(location.scan, lowered=false) if differing and not problems else {}).items()
        if name | lower in differing or is_nested_type(type) %}
        {% do counts.append('count(' ~ adapter.quote(name) ~ ')') %}
    {% endfor %}
    {{ return(problems if not counts else _reading_problems(location.label, 'select ' ~ counts | join(', ') ~ ' from ' ~ location.scan)) }}
{% endmacro %}


{% macro _attribute_problems(location) %}
    {#- Values of attributes that can't be added to stg_events, where the column has the type that earlier loads had. -#}
    {% set counts = [] %}
    {% for attribute in changed_attributes(location.scan) %}
        {% set value, type = adapter.quote(attribute.name), attribute.kept_type %}
        {% set kept = 'try_cast(' ~ value ~ ' as ' ~ type ~ ')' %}
        {#- A text that is a number may be written in several ways, a moment be cut to its day, and a field be dropped. -#}
        {% set compared_as = 'double' if is_number_type(type) else 'timestamp' if type | lower == 'date'
            else attribute.type if is_nested_type(type) and is_nested_type(attribute.type) else type %}
        {% do counts.append('select ' ~ quoted_text(attribute.name) ~ ', ' ~ quoted_text(type) ~ ', min(cast(' ~ value
            ~ ' as varchar)), count(*) from checked where ' ~ value ~ ' is not null and (' ~ kept ~ ' is null or try_cast(' ~ kept ~ ' as '
            ~ compared_as ~ ') is distinct from try_cast(' ~ value ~ ' as ' ~ compared_as ~ '))') %}
    {% endfor %}
    {% set problems = [] %}
    {% if counts %}
        {% set checked = 'with checked as (' ~ input_rows('events', events_watermark()) ~ ') ' %}
        {% for row in run_query(checked ~ counts | join(' union all ')).rows if row[3] %}
            {% do problems.append(location.label ~ ': column ' ~ row[0] ~ ' holds ' ~ row[2] ~ ', in ' ~ row[3] ~ ' new rows. Expected: '
                ~ row[1] | lower ~ ', as in the events that were read before. Repair the values, or build everything anew while all files are there: '
                ~ 'make build FULL=1, with the DATA and LIFTHOUSE_WAREHOUSE of every build (dbt build --full-refresh, with its vars).') %}
        {% endfor %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}


{% macro _file_problems(input_name, contract) %}
    {#- Files that aren't there, are there twice, or can't be opened. -#}
    {% set folder = var('input_folder') %}
    {% for path in [folder, folder ~ '/' ~ input_name] %}
        {% set problem = scalar('select folder_problem(' ~ quoted_text(path) ~ ')') %}
        {% if problem %}
            {{ return([path ~ " can't be read: " ~ problem ~ '. Expected: a folder that the build may list and enter. Correct its permissions.']) }}
        {% endif %}
    {% endfor %}
    {% set patterns = input_patterns(input_name) %}
    {% if patterns | length > 1 %}
        {{ return([_too_many_files(input_name, patterns)]) }}
    {% endif %}
    {% set overlooked = _files_overlooked(input_name, patterns) %}
    {% if overlooked %}
        {{ return(overlooked) }}
    {% elif not patterns %}
        {% set is_bare = scalar('select count(*) from glob(' ~ quoted_text(folder ~ '/**') ~ ')') == 0 %}
        {{ return([folder ~ '/' ~ input_name ~ '.parquet or .csv is not there'
            ~ (' (the folder is empty, or there is none)' if is_bare else '') ~ '. Expected: a file of ' ~ input_name
            ~ '. Put it there, set var input_folder, or name a relation in var input_relations.']
            if contract.is_required and not _has_observations() else []) }}
    {% endif %}

    {% set problems = [] %}
    {% for row in run_query('select filename from read_blob(' ~ quoted_text(patterns[0]) ~ ') where size = 0 order by 1') %}
        {% do problems.append(row[0] ~ ' is empty (0 bytes). Expected: a whole file. Write it again, or remove it.') %}
    {% endfor %}
    {% if not problems and not patterns[0].endswith('parquet') %}
        {% do problems.extend(_header_problems(patterns[0], contract)) %}
    {% endif %}
    {{ return(problems if problems else _reading_problems(patterns[0], 'describe select * from ' ~ plain_scan(patterns[0]))) }}
{% endmacro %}


{% macro _files_overlooked(input_name, patterns) %}
    {#-
        Files that look like data of this input, under a name or in a folder that isn't looked at: they must not be left out in silence.
        Folders may be called users/ or USERS/, or users.parquet/, as Spark calls those that it writes.
    -#}
    {% set folder, singular, folders = var('input_folder') ~ '/', input_name[:-1], [] %}
    {% for letter in singular %}
        {% do folders.append('[' ~ letter ~ letter | upper ~ ']') %}
    {% endfor %}
    {% set read = 'select file from glob(' ~ quoted_text(patterns[0]) ~ ')' if patterns else "select ''" %}
    {% set problems = [] %}
    {% for row in run_query(
        'select file from glob([' ~ quoted_text(folder ~ '*.*') ~ ', ' ~ quoted_text(folder ~ folders | join ~ '*/**') ~ ']) where file not in ('
        ~ read ~ ') and regexp_matches(lower(file[' ~ (folder | length + 1) ~ ":]), '^(" ~ singular ~ '[./]|' ~ input_name ~ "[^a-z])')"
        ~ " and regexp_matches(lower(file), '\\.(parquet|parq|pq|csv|tsv|tab|txt|xlsx?|ods|json|jsonl|ndjson|avro|orc|feather|arrow)(\\.(gz|zst|bz2|zip))?$')"
        ~ " order by 1 limit 3"
    ) %}
        {% do problems.append(row[0] ~ ' is not read. Expected: ' ~ input_name ~ '.parquet, .csv or .csv.gz, or files of one of these kinds'
            ~ ' in the folder ' ~ input_name ~ '/ itself. Move, convert or remove it.') %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}


{% macro _has_observations() %}
    {#- Experiments that come as one table of units need no events. -#}
    {{ return(var('input_relations').get('observations') or input_patterns('observations') | length > 0) }}
{% endmacro %}


{% macro _reading_problems(label, sql) %}
    {#- What DuckDB says where it can't read files by a query: a template can't catch that, a function of the connection can. -#}
    {% set problem = scalar('select reading_problem(' ~ quoted_text(sql) ~ ')') %}
    {% set expected = 'the same columns in every file, each of one type' if label.endswith('parquet')
        else 'comma-separated text in UTF-8 with a header, as many values in each line, and one type in each column' %}
    {{ return([label ~ " can't be read: " ~ problem ~ '. Expected: ' ~ ('a whole Parquet file; of several, '
        if label.endswith('parquet') else '') ~ expected ~ '. Repair the file, or write it again.'] if problem else []) }}
{% endmacro %}


{% macro _header_problems(pattern, contract) %}
    {#-
        Headers of CSV files that DuckDB would make something of: values that commas don't separate, a name that comes twice, and of
        several files one without a column that others have: what it takes for the header may be the only row.
    -#}
    {% set names = contract.columns | map(attribute='name') | list %}
    {% set headers, found_anywhere, problems = {}, [], [] %}
    {% for row in run_query('select file, csv_header(file, ' ~ quoted_text(tojson(names)) ~ ') from glob(' ~ quoted_text(pattern) ~ ') order by 1') %}
        {% do headers.update({row[0]: fromjson(row[1])}) %}
        {% do found_anywhere.extend(headers[row[0]].names | map('lower')) %}
    {% endfor %}
    {% for file, header in headers.items() %}
        {% set found = header.names | map('lower') | list %}
        {% set separators = modules.re.findall('[;\t|]', found | join) %}
        {% if found | length == 1 and separators %}
            {% do problems.append(file ~ ' has ' ~ {';': 'semicolons', '\t': 'tabs', '|': 'bars'}[separators[0]] ~ ' between its values. Expected: '
                ~ 'comma-separated text, with decimal points. Write it again.') %}
        {% elif header.count_values != found | length %}
            {% do problems.append(file ~ ' has ' ~ header.count_values ~ ' values in the line after the header, which has ' ~ found | length
                ~ ' names. Expected: as many values in each line. Repair the file, or write it again.') %}
        {% endif %}
        {% for name in found | unique if name and found | select('equalto', name) | list | length > 1 %}
            {% do problems.append(_comes_twice(file, name)) %}
        {% endfor %}
        {% if contract.columns | selectattr('is_required') | map(attribute='name') | select('in', found_anywhere) | reject('in', found) | list %}
            {% do problems.extend(_column_problems({'label': file}, contract, dict.fromkeys(header.names, 'varchar'))) %}
        {% endif %}
    {% endfor %}
    {{ return(problems[:10]) }}
{% endmacro %}


{% macro _repeated_names(location) %}
    {#- Names of Parquet columns that differ in case only: DuckDB gives the second a number, as no file has it. -#}
    {% set problems = [] %}
    {% set written = run_query('select distinct lower(name) from parquet_schema(' ~ quoted_text(location.label) ~ ')').columns[0].values() | list %}
    {% for name in described_columns(location.scan) if name | lower not in written %}
        {% do problems.append(_comes_twice(location.label, modules.re.sub('_[0-9]+$', '', name) | lower)) %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}


{% macro _comes_twice(label, name) %}
    {{ return(label ~ ': column ' ~ name ~ ' comes twice. Expected: each name once, without regard to case. Rename or remove one of them.') }}
{% endmacro %}


{% macro _column_problems(location, contract, present=none) %}
    {#- Of what a location's columns are, or of those given as {name: type}. -#}
    {% set present = present or described_columns(location.scan) %}
    {% set types = _lowered_keys(present) %}
    {% set problems = [] %}
    {% for name in present if '"' in name or name | lower in _names_of_its_own(contract) %}
        {% do problems.append(location.label ~ ': column ' ~ name ~ ' has a name that lifthouse ' ~ ("can't write" if '"' in name else 'uses itself')
            ~ '. Expected: any other, without a double quote. Rename the column.') %}
    {% endfor %}
    {% for column in contract.columns %}
        {% set expected = 'a timestamp, or text like 2026-03-16T04:00:00Z' if column.type == 'timestamp' else column.type %}
        {% if column.name not in types and column.is_required %}
            {% set similar = _spellings(present, column.name) %}
            {% do problems.append(location.label ~ ': column ' ~ column.name ~ ' is missing. Expected: ' ~ column.name ~ ' ('
                ~ expected ~ '); found: ' ~ present.keys() | join(', ') ~ '. '
                ~ ('Rename ' ~ similar[0] ~ ' to ' ~ column.name if similar else 'Rename or add the column') ~ '.') %}
        {% elif column.name in types and not _is_castable(types[column.name], column.type) %}
            {% do problems.append(location.label ~ ': column ' ~ column.name ~ ' has type ' ~ types[column.name] ~ '. Expected: '
                ~ expected ~ '. Convert the column.') %}
        {% endif %}
    {% endfor %}
    {{ return(problems) }}
{% endmacro %}


{% macro _names_of_its_own(contract) %}
    {#- What input_rows and those that read it put beside the columns of an input. -#}
    {% set names = ['_row', '_raw_row', '_rejection_reason', '_is_kept'] %}
    {% for column in contract.columns %}
        {% do names.append('_raw_' ~ column.name) %}
    {% endfor %}
    {{ return(names) }}
{% endmacro %}


{% macro _spellings(names, wanted) %}
    {#- Those names that are the wanted one but for case, underscores, spaces and hyphens. -#}
    {% set found = [] %}
    {% for name in names if modules.re.sub('[_ -]', '', name) | lower == wanted.replace('_', '') %}
        {% do found.append(name) %}
    {% endfor %}
    {{ return(found) }}
{% endmacro %}


{% macro _is_castable(source_type, target_type) %}
    {% if source_type == '"null"' %}
        {{ return(true) }}
    {% endif %}
    {% set is_nested = is_nested_type(source_type) %}
    {% set is_moment = source_type == 'date' or source_type.startswith('timestamp') %}
    {% if target_type == 'timestamp' %}
        {{ return(not is_nested and (is_moment or source_type == 'varchar')) }}
    {% elif target_type == 'double' %}
        {{ return(not is_nested and not is_moment and source_type not in ['boolean', 'blob']) }}
    {% endif %}
    {{ return(not is_nested) }}
{% endmacro %}


{% macro _row_problems(input_name, location, contract) %}
    {#- No rows at all, more unusable rows than max_quarantined_share allows, or a file among several that lacks a column. -#}
    {% set loaded_after = events_watermark() if input_name == 'events' else none %}
    {% set counts = run_query(
        'select _rejection_reason, cast(greatest(count(*) - coalesce(any_value(known.count_rows), 0), 0) as bigint) from ('
        ~ input_rows(input_name, loaded_after) ~ ') as checked left join (' ~ _set_aside_before(loaded_after)
        ~ ') as known on checked._rejection_reason = known.reason group by 1 order by 2 desc, 1'
    ) %}
    {% set total = counts.columns[1].values() | sum %}
    {% if total == 0 and not loaded_after %}
        {{ return([location.label ~ ' has no rows. Expected: at least one. Fill the file' ~
            ('.' if contract.is_required else ', or remove it: this input is optional.')]) }}
    {% endif %}

    {% set rejected = counts | rejectattr(0, 'none') | selectattr(1, 'gt', 0) | list %}
    {% set problems = [] %}
    {% if rejected | sum(attribute=1) > total * var('max_quarantined_share') %}
        {% set examples = run_query(
            'select _rejection_reason, min(' ~ raw_row_as_text() ~ ') from ('
            ~ input_rows(input_name, loaded_after, with_raw=true) ~ ') as checked where _rejection_reason is not null group by 1'
        ) %}
        {% set example_of = dict(examples | map('list')) %}
        {% for reason, count in rejected %}
            {% do problems.append(location.label ~ ': ' ~ reason ~ ' in ' ~ count ~ ' of ' ~ total ~ ' rows ('
                ~ '%.2f' | format(100 * count / total) ~ '%), e.g. ' ~ example_of[reason] ~ '. Expected: at most '
                ~ '%g' | format(100 * var('max_quarantined_share')) ~ '% unusable rows. Repair the rows, or raise var '
                ~ 'max_quarantined_share to set them aside in fct_quarantined_rows.') %}
        {% endfor %}
    {% endif %}
    {% set reasons = rejected | map(attribute=0) | list %}
    {% set absent = [] %}
    {% for column in contract.columns if column.name ~ ' is null' in reasons %}
        {% do absent.append(column.name) %}
    {% endfor %}
    {% if '*' in location.label and (problems or absent) %}
        {% do problems.extend(_problems_of_each_file(location, contract, [] if problems else absent, loaded_after)) %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}


{% macro _set_aside_before(loaded_after) %}
    {#- Unusable rows that a daily run reads again though they are in quarantine (see forget_rows_read_again), by their reason. -#}
    {% set rejected = adapter.get_relation(target.database, 'staging', 'stg_events_rejected') if loaded_after %}
    {% if rejected %}
        {{ return('select reason, sum(count_rows) as count_rows from ' ~ rejected
            ~ " where coalesce(loaded_at, timestamp 'infinity') > timestamp '" ~ loaded_after ~ "' group by 1") }}
    {% endif %}
    {{ return('select null as reason, 0 as count_rows where false') }}
{% endmacro %}
