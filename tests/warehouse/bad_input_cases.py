"""Ways of input and vars to be wrong, each with what the message says of it."""

from dataclasses import dataclass, field
from typing import Any

from lifthouse.uplift.learners import LEARNERS
from tests.warehouse.small_shop import EVENTS, EXPOSURES, GOOD, ITEMS, USERS, rows_of

HEADER, *LINES = EVENTS.splitlines(keepends=True)


@dataclass(frozen=True)
class Case:
    """One way to be wrong: the files that differ from the good ones (None: not there), and what the message says."""

    name: str
    files: dict[str, str | bytes | None]
    says: list[str]
    variables: dict[str, Any] = field(default_factory=dict)


def events_parquet(sql: str | bytes) -> dict[str, str | bytes | None]:
    """Events as a Parquet file instead of the good CSV; {events} in the SQL stands for the good rows."""
    rows = sql if isinstance(sql, bytes) else sql.replace("{events}", f"({rows_of(EVENTS)})")
    return {"events.csv": None, "events.parquet": rows}


def changed(before: str, after: str) -> dict[str, str | bytes | None]:
    """Events with a piece of their text changed."""
    assert before in EVENTS
    return {"events.csv": EVENTS.replace(before, after)}


MISSING_USER_ID = [
    "events.csv: column user_id is missing. Expected: user_id (varchar); found: event_id, ",
]
UNUSABLE = "Expected: at most 1% unusable rows. Repair the rows, or raise var max_quarantined_share"

CASES = [
    Case(
        "column missing",
        {"events.csv": EVENTS.replace("user_id,", "", 1).replace("ann,", "").replace("bob,", "").replace("cat,", "")},
        [*MISSING_USER_ID, "Rename or add the column."],
    ),
    Case("column misspelt", changed("user_id", "userId"), [*MISSING_USER_ID, "Rename userId to user_id."]),
    Case(
        "events missing",
        {"events.csv": None},
        ["/events.parquet or .csv is not there. Expected: a file of events. Put it there, set var input_folder"],
    ),
    Case(
        "folder empty",
        dict.fromkeys(GOOD),
        ["/events.parquet or .csv is not there (the folder is empty, or there is none). Expected: a file of events."],
    ),
    Case(
        "folder missing",
        {},
        ["nowhere/events.parquet or .csv is not there (the folder is empty, or there is none). Expected: a file of"],
        {"input_folder": "nowhere"},
    ),
    Case(
        "Parquet without rows",
        events_parquet("from {events} limit 0"),
        ["events.parquet has no rows. Expected: at least one. Fill the file."],
    ),
    Case("CSV without rows", {"events.csv": HEADER}, ["events.csv has no rows. Expected: at least one. Fill"]),
    Case(
        "optional input without rows",
        {"users.csv": "user_id,region\n"},
        ["users.csv has no rows. Expected: at least one. Fill the file, or remove it: this input is optional."],
    ),
    Case("empty CSV", {"events.csv": ""}, ["events.csv is empty (0 bytes). Expected: a whole file. Write it again"]),
    Case("empty Parquet", events_parquet(b""), ["events.parquet is empty (0 bytes). Expected: a whole file."]),
    Case(
        "corrupt Parquet",
        events_parquet(b"PAR1" + b"\0" * 100),
        ["events.parquet can't be read: ", "Expected: a whole Parquet file", "Repair the file, or write it again."],
    ),
    Case(
        "line with too few values",
        {"events.csv": EVENTS + "e11,ann,click\n"},
        ["events.csv can't be read: ", "line 12 has 3 values, the header 8 names", "as many values in each line"],
    ),
    Case(
        "line with too many values, far down",
        {"events.csv": HEADER + LINES[0] * 30_000 + "e11,ann,click,2026-03-16 10:00:00,,lamp,1,234,phone,x\n"},
        ["events.csv can't be read: ", "CSV Error on Line: 30002", "as many values in each line"],
    ),
    Case(
        "quote that never closes",
        changed("e5,bob", 'e5,"bob'),
        ["events.csv can't be read: ", "line 6 has a quote that is not closed", "Repair the file"],
    ),
    Case(
        "lines that end in two ways",
        {"events.csv": EVENTS.replace("\n", "\r\n", 3).encode()},
        ["events.csv can't be read: ", "line 4 ends in LF, the header in CRLF", "Repair the file"],
    ),
    Case(
        "text in Latin-1",
        {"users.csv": USERS.encode() + b"d\xe9j\xe0,north,20\n"},
        ["users.csv can't be read: ", "not utf-8", "Expected: comma-separated text in UTF-8"],
    ),
    Case(
        "one value of an attribute has another type, far down",
        {"users.csv": USERS + "".join(f"u{number},north,{number}\n" for number in range(30_000)) + "dan,north,old\n"},
        ["users.csv can't be read: ", "age", "old", "one type in each column"],
    ),
    Case(
        "timestamps unreadable",
        {"events.csv": EVENTS.replace("2026-03-16 10:", "16.03.2026 10:")},
        ["events.csv: occurred_at is not a timestamp in 4 of 10 rows (40.00%), e.g. {", "16.03.2026 10:00", UNUSABLE],
    ),
    Case(
        "timestamps as seconds in CSV",
        changed("2026-03-16 10:00:00", "1773655200"),
        ["events.csv: occurred_at is not a timestamp in 1 of 10 rows (10.00%), e.g. {", "1773655200", UNUSABLE],
    ),
    Case(
        "timestamps as seconds in Parquet",
        events_parquet("select * replace (epoch(occurred_at)::bigint as occurred_at) from {events}"),
        [
            "events.parquet: column occurred_at has type bigint. "
            "Expected: a timestamp, or text like 2026-03-16T04:00:00Z. Convert the column."
        ],
    ),
    Case(
        "keys null",
        {
            "events.csv": EVENTS.replace("e1,ann", ",ann").replace("e5,bob", "e5,"),
            "exposures.csv": EXPOSURES.replace("control", ""),
        },
        [
            "events.csv: event_id is null in 1 of 10 rows",
            "events.csv: user_id is null in 1 of 10 rows",
            "exposures.csv: variant_id is null in 1 of 3 rows (33.33%), e.g. {",
            UNUSABLE,
        ],
    ),
    Case(
        "revenue not a number",
        changed("20.5,phone", "20 EUR,phone"),
        ["events.csv: revenue is not a double in", "20 EUR", UNUSABLE],
    ),
    Case(
        "revenue infinite or NaN",
        {"events.csv": EVENTS.replace("lamp,20.5,", "lamp,inf,").replace("vase,7.25,", "vase,nan,")},
        ["events.csv: revenue is not finite, or negative on a purchase", "in 2 of 10 rows (20.00%)", UNUSABLE],
    ),
    Case(
        "purchase with negative revenue",
        changed("vase,7.25", "vase,-7.25"),
        ["events.csv: revenue is not finite, or negative on a purchase (a refund is an event type of its own) in 1"],
    ),
    Case(
        "occurred in 1970, and after it was loaded",
        {"events.csv": EVENTS.replace("2026-03-16 10:00", "1970-01-01 00:00").replace("2026-03-17 09", "2126-03-17 9")},
        ["events.csv: occurred_at is before 2000 or more than a day after loaded_at in 2 of 10 rows", UNUSABLE],
    ),
    Case(
        "occurred in the future, without loaded_at",
        events_parquet(
            "select * exclude (loaded_at) replace (occurred_at + interval 100 year as occurred_at) from {events}"
        ),
        ["events.parquet: loaded_at is in the future in 10 of 10 rows", UNUSABLE],
    ),
    Case(
        "loaded in the future",
        changed("2026-03-17 12:00:00,vase", "2126-03-17 12:00:00,vase"),
        ["events.csv: loaded_at is in the future in", UNUSABLE],
    ),
    Case(
        "moments infinite",
        events_parquet("select * exclude (loaded_at) replace ('infinity'::timestamp as occurred_at) from {events}"),
        ["events.parquet: loaded_at is in the future in 10 of 10 rows (100.00%)", UNUSABLE],
    ),
    Case(
        "exposed at no time, or in the future",
        {
            "exposures.csv": EXPOSURES.replace("2026-03-17 08:00:00", "infinity").replace("2026-03-16", "2126-03-16"),
            "observations.csv": "experiment_id,unit_id,variant_id,exposed_at\ncriteo_visit,1,control,-infinity\n",
        },
        [
            "exposures.csv: exposed_at is infinite or in the future in 3 of 3 rows",
            "observations.csv: exposed_at is infinite or in the future in 1 of 1 rows",
        ],
    ),
    Case(
        "names that can't be used",
        events_parquet("select *, 1 as _is_kept, 2 as \"two\"\"fold\" from {events}"),
        [
            "events.parquet: column _is_kept has a name that lifthouse uses itself. ",
            "events.parquet: column two\"fold has a name that lifthouse can't write. ",
            "Rename the column.",
        ],
    ),
    Case(
        "two files for one input",
        {"events.parquet": rows_of(EVENTS)},
        ["/events.parquet and ", "/events.csv are both there. Expected: events once. Remove or rename one of them."],
    ),
    Case(
        "nested column",
        events_parquet("select * replace ([user_id] as user_id, {'amount': revenue} as revenue) from {events}"),
        [
            "events.parquet: column user_id has type varchar[]. Expected: varchar. Convert the column.",
            "events.parquet: column revenue has type struct(amount double). Expected: double. Convert the column.",
        ],
    ),
    Case(
        "one of several files lacks a column",
        {
            "events.csv": None,
            "events/2026-03-16.parquet": f"from ({rows_of(EVENTS)}) where occurred_at < '2026-03-17'",
            "events/2026-03-17.parquet": f"select * exclude (user_id) from ({rows_of(EVENTS)}) "
            "where occurred_at >= '2026-03-17'",
        },
        ["events/2026-03-17.parquet: column user_id is missing. Expected: user_id (varchar)"],
    ),
    Case(
        "one small file of several has no header, and loses its first line to it",
        {
            "events.csv": None,
            "events/2026-03-16.csv": HEADER.replace("device", "filename") + "".join(
                f"n{number},ann,click,2026-03-16 10:00:00,,lamp,,phone\n" for number in range(300)
            ),
            "events/2026-03-17.csv": LINES[6] + LINES[7],
        },
        ["events/2026-03-17.csv: column event_id is missing. Expected: event_id (varchar); found: e7, cat, impression"],
    ),
    Case(
        "one of several files has moments as numbers",
        {
            "events.csv": None,
            "events/2026-03-16.parquet": f"from ({rows_of(EVENTS)}) where occurred_at < '2026-03-17'",
            "events/2026-03-17.parquet": "select * replace (epoch(occurred_at)::bigint as occurred_at) "
            f"from ({rows_of(EVENTS)}) where occurred_at >= '2026-03-17'",
        },
        ["events/2026-03-17.parquet: column occurred_at has type bigint. Expected: a timestamp"],
    ),
    Case(
        "files that nobody looks at",
        {
            "events/day=16/part.parquet": f"from ({rows_of(EVENTS)}) where occurred_at < '2026-03-17'",
            "users.csv": None,
            "users.TSV": USERS.replace(",", "\t"),
            "exposures.csv": None,
            "exposure.csv": EXPOSURES,
            "items.csv": None,
            "items_2026-03-16.csv": ITEMS,
            "observation/all.xlsx": b"not empty",
        },
        [
            "events/day=16/part.parquet is not read. Expected: events.parquet, .csv or .csv.gz, or files of one of "
            "these kinds in the folder events/ itself. Move, convert or remove it.",
            "users.TSV is not read. Expected: users.parquet",
            "exposure.csv is not read. Expected: exposures.parquet",
            "items_2026-03-16.csv is not read. Expected: items.parquet",
            "observation/all.xlsx is not read. Expected: observations.parquet",
        ],
    ),
    Case(
        "one of several files is cut off",
        {
            "events.csv": None,
            "events/2026-03-16.parquet": rows_of(EVENTS),
            "events/2026-03-17.parquet": b"PAR1" + b"\0" * 100,
        },
        ["events/*.parquet can't be read: ", "events/2026-03-17.parquet'", "Repair the file, or write it again."],
    ),
    Case(
        "one of several files is empty",
        {
            "events.csv": None,
            "events/2026-03-16.parquet": rows_of(EVENTS),
            "events/2026-03-17.parquet": b"",
        },
        ["events/2026-03-17.parquet is empty (0 bytes)"],
    ),
    Case(
        "a little of each, together too much",
        {"events.csv": HEADER + "".join(f"n{number},ann,click,2026-03-16 10:00:00,,lamp,,\n" for number in range(300))
         + ",ann,click,2026-03-16 10:00:00,,lamp,,\n" * 2 + "x1,,click,2026-03-16 10:00:00,,lamp,,\n" * 2},
        ["events.csv: event_id is null in 2 of 304 rows (0.66%)", "user_id is null in 2 of 304 rows (0.66%)", UNUSABLE],
    ),
    Case(
        "several inputs at once",
        {
            "events.csv": EVENTS.replace("occurred_at", "time"),
            "exposures.csv": EXPOSURES.replace("variant_id", "arm"),
            "users.csv": USERS.replace("user_id", "userid"),
            "items.csv": ITEMS.replace("20.5", "dear"),
        },
        [
            "The input cannot be used; nothing was built and the published marts are as they were.",
            "events.csv: column occurred_at is missing.",
            "exposures.csv: column variant_id is missing.",
            "users.csv: column user_id is missing.",
            "Rename userid to user_id.",
            "items.csv: price is not a double in 1 of 2 rows (50.00%)",
        ],
    ),
    Case(
        "relations that are not there",
        {},
        [
            "relation raw.web_events does not exist. "
            "Expected: the table or view that var input_relations names for events, with its schema and, "
            "where a name needs them, quotes. Create it, or correct the name.",
            "relation stg_users does not exist.",
            "relation staging.stg-items does not exist.",
        ],
        {"input_relations": {"events": "raw.web_events", "users": "stg_users", "items": "staging.stg-items"}},
    ),
    Case(
        "vars that make no sense",
        {},
        [
            "The vars cannot be used; nothing was built.",
            "input_folder == data/a[1], must have no *, ? or [ in it: DuckDB would look for other folders. Rename",
            "session_source == 'foo', must be inactivity or tracker",
            "session_timeout_minutes == -5, must be a number of minutes > 0",
            "max_quarantined_share == half, must be a share in [0, 1]",
            "'session_timeout' is not a var, must be one of input_folder, input_relations, max_quarantined_share, ",
            "event_roles: click == click, must be a list of event types",
            "event_roles: 'buy' is a cart and a purchase, must be one of them",
            "event_roles: 'purchases' is not a role, must be one of impression, click, cart, purchase, or a step of a",
            "funnels: 'short' must have steps (a list of at least two) and window_minutes > 0",
            "funnels: 'letters' must have steps (a list of at least two) and window_minutes > 0",
            "retention_periods: year: 3, must be day, week or month and a whole number",
            "tested_days == x, must be a whole number, at least 0",
            "uplift_folds == 1, must be a whole number, at least 2",
            f"uplift_learners: 'u_learner' is not a learner, must be one of {', '.join(LEARNERS)}\n",
            "dimensions: 'phase' is what lifthouse calls something else, must be an attribute of users",
            "dimensions: 'variant_id' is what lifthouse calls something else, must be an attribute of users",
            "dimensions: Phase, Variant_ID, variant_id, must name each once",
            "plan_days: 7, 14, 7, must name each once",
            "uplift_learners: t_learner, u_learner, t_learner, must name each once",
            "stratify_by == 'Device', must be written as in dimensions (Phase, Variant_ID, variant_id) or empty",
            "features_as_of == yesterday, must be a day like 2026-03-30, or empty",
            "input_relations: 'event' is not an input, must be one of events, exposures, users, items, observations",
        ],
        {
            "input_folder": "data/a[1]",
            "session_source": "foo",
            "session_timeout": 20,
            "session_timeout_minutes": -5,
            "max_quarantined_share": "half",
            "event_roles": {
                "impression": ["view"], "click": "click", "cart": ["buy"], "purchase": ["buy"], "purchases": ["pay"],
                "join": ["sign_up"],
            },
            "funnels": {
                "short": {"steps": ["click"], "window_minutes": 60},
                "letters": {"steps": "cart", "window_minutes": 60},
                "good": {"steps": ["join", "click"], "window_minutes": 60},
            },
            "retention_periods": {"year": 3},
            "tested_days": "x",
            "uplift_folds": 1,
            "uplift_learners": ["t_learner", "u_learner", "t_learner"],
            "plan_days": [7, 14, 7],
            "dimensions": ["Phase", "Variant_ID", "variant_id"],
            "stratify_by": "Device",
            "features_as_of": "yesterday",
            "input_relations": {"event": "raw.web_events"},
        },
    ),
    Case(
        "a day that is in no calendar, no learner, and vars nested as in dbt_project.yml",
        {},
        [
            "features_as_of == 2026-13-45, must be a day like 2026-03-30, or empty",
            "vars.yml names them at its top, without a line `vars:` above",
            "uplift_learners == [], must name at least one learner",
        ],
        {"features_as_of": "2026-13-45", "uplift_learners": [], "vars": {"session_timeout_minutes": 20}},
    ),
]  # fmt: skip
