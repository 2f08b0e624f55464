"""Ways of files to be wrong before a row of them is looked at, each with what the message says of it."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from tests.warehouse.bad_input_cases import HEADER, LINES, Case
from tests.warehouse.small_shop import EVENTS, EXPOSURES, USERS


def parquet(names: list[str]) -> bytes:
    """A Parquet file of one row, in which some names may differ in case only."""
    file = io.BytesIO()
    pq.write_table(pa.table([["1"] for _ in names], names=names), file)
    return file.getvalue()


FILE_CASES = [
    Case(
        "semicolons, decimal commas and a byte order mark, as Excel writes them; tabs",
        {
            "events.csv": "\ufeff" + EVENTS.replace(",", ";").replace("20.5", "20,5"),
            "users.csv": USERS.replace(",", "\t"),
        },
        [
            "events.csv has semicolons between its values. Expected: comma-separated text, with decimal points. Write",
            "users.csv has tabs between its values.",
        ],
    ),
    Case(
        "a name comes twice",
        {
            "events.csv": "\ufeff" + EVENTS.replace("device", "user_id"),
            "users.csv": None,
            "users/1.csv": USERS,
            "users/2.csv": "user_id,region, Region\ndan,north,south\n",
            "items.csv": None,
            "items.parquet": parquet(["item_id", "material", "Material", "price_1"]),
        },
        [
            "events.csv: column user_id comes twice. Expected: each name once, without regard to case. Rename or",
            "users/2.csv: column region comes twice.",
            "items.parquet: column material comes twice.",
        ],
    ),
    Case(
        "an attribute is a list in one Parquet file and text in another, or has fields of two types",
        {
            "users.csv": None,
            "users/1.parquet": "select 'dan' as user_id, 1 as level, ['a'] as tags, {'town': 1} as home",
            "users/2.parquet": "select 'eve' as user_id, 1.5 as level, 'red' as tags, {'town': 2} as home",
            "items.csv": None,
            "items/1.parquet": "select 'lamp' as item_id, {'metres': 1} as size",
            "items/2.parquet": "select 'sofa' as item_id, {'metres': [2]} as size",
        },
        [
            "users/*.parquet can't be read: ",
            'users/2.parquet": failed to cast column "tags" from type VARCHAR to VARCHAR[]',
            "items/*.parquet can't be read: Binder Error: Can't change source type (INTEGER) to target type (INT",
            "of several, the same columns in every file, each of one type. Repair the file, or write it again.",
        ],
    ),
    Case(
        "one of several files has no header, and a line that would be taken for one",
        {"events.csv": None, "events/1.csv": EVENTS, "events/2.csv": LINES[6].replace("e7", "e11")},
        ["events/2.csv: column event_id is missing. Expected: event_id (varchar); found: e11, cat, impression"],
    ),
    Case(
        "one of several files has one line, with another number of values than the header",
        {"users.csv": None, "users/1.csv": USERS, "users/2.csv": "user_id,region\ndan,north,20\n"},
        ["users/2.csv has 3 values in the line after the header, which has 2 names. Expected: as many values in each"],
    ),
    Case(
        "files of a kind and folders of a name that nobody looks at",
        {
            "users.csv": None,
            "users.pq": b"not empty",
            "items.csv": None,
            "items.parquet/part-0.parquet": "select 'lamp' as item_id",
            "exposures.csv": None,
            "EXPOSURES/2026.csv": EXPOSURES,
            "eventful/notes.csv": HEADER,
        },
        [
            "users.pq is not read. Expected: users.parquet, .csv or .csv.gz",
            "items.parquet/part-0.parquet is not read. Expected: items.parquet",
            "EXPOSURES/2026.csv is not read. Expected: exposures.parquet",
        ],
    ),
]
