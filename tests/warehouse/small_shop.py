"""A shop so small that its input can be read here: the good data that tests spoil."""

import shutil
from pathlib import Path

import duckdb

EVENTS = """\
event_id,user_id,event_type,occurred_at,loaded_at,item_id,revenue,device
e1,ann,impression,2026-03-16 10:00:00,2026-03-16 12:00:00,lamp,,phone
e2,ann,click,2026-03-16 10:01:00,2026-03-16 12:00:00,lamp,,phone
e3,ann,add_to_cart,2026-03-16 10:02:00,2026-03-16 12:00:00,lamp,,phone
e4,ann,purchase,2026-03-16 10:03:00,2026-03-16 12:00:00,lamp,20.5,phone
e5,bob,impression,2026-03-16 11:00:00,2026-03-16 12:00:00,lamp,,desktop
e6,bob,click,2026-03-16 11:45:00,2026-03-16 12:00:00,lamp,,desktop
e7,cat,impression,2026-03-17 08:00:00,2026-03-17 12:00:00,vase,,phone
e8,cat,impression,2026-03-17 08:05:00,2026-03-17 12:00:00,lamp,,phone
e9,cat,purchase,2026-03-17 08:09:00,2026-03-17 12:00:00,vase,7.25,phone
e10,ann,refund,2026-03-17 09:00:00,2026-03-17 12:00:00,lamp,-20.5,phone
"""

EXPOSURES = """\
experiment_id,variant_id,user_id,exposed_at
recommendation_v2,control,ann,2026-03-16 10:00:00
recommendation_v2,treatment,bob,2026-03-16 11:00:00
recommendation_v2,treatment,cat,2026-03-17 08:00:00
"""

USERS = """\
user_id,region,age
ann,north,31
bob,south,44
cat,north,27
"""

ITEMS = """\
item_id,price,material
lamp,20.5,brass
vase,7.25,clay
"""

GOOD = {"events.csv": EVENTS, "exposures.csv": EXPOSURES, "users.csv": USERS, "items.csv": ITEMS}


def write_input(folder: Path, files: dict[str, str | bytes]) -> None:
    """Make these files all the input there is; Parquet is given as the SQL of its rows, or as bytes if broken."""
    shutil.rmtree(folder)
    folder.mkdir()
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif path.suffix == ".parquet":
            duckdb.sql(content).write_parquet(str(path))
        else:
            path.write_text(content)


def rows_of(csv: str) -> str:
    """SQL of the rows of one of the texts above, typed, so that a test can select from it what it spoils."""
    header, *lines = csv.splitlines()
    values = ", ".join(
        "(" + ", ".join("null" if value == "" else f"'{value}'" for value in line.split(",")) + ")" for line in lines
    )
    types = {
        "occurred_at": "timestamp",
        "loaded_at": "timestamp",
        "exposed_at": "timestamp",
        "revenue": "double",
    }
    columns = ", ".join(f"cast({name} as {types.get(name, 'varchar')}) as {name}" for name in header.split(","))
    return f"select {columns} from (values {values}) as given({header})"
