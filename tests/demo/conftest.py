from __future__ import annotations

from pathlib import Path

import duckdb
import pytest
from demo_dataset import DAYS, SEED, USERS, Query

from lifthouse.demo.generate import generate_demo

# What a reader keeps: each event once, as first loaded, and only if it makes sense.
_CLEAN_EVENTS = """
create view clean_events as
select * from events
where event_id is not null and user_id is not null and event_type is not null
    and occurred_at between timestamp '2026-01-01' and timestamp '2026-04-01'
    and (revenue is null or (isfinite(revenue) and revenue > 0))
qualify row_number() over (partition by event_id order by loaded_at) = 1
"""

_UNITS = """
create view units as
select experiment_id, user_id, min(variant_id) as variant_id, min(exposed_at) as exposed_at
from exposures group by all having count(distinct variant_id) = 1
"""


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "demo"
    generate_demo(folder, USERS, DAYS, SEED, lambda _: None)
    return folder


@pytest.fixture(scope="session")
def query(demo: Path) -> Query:
    connection = duckdb.connect()
    files = {"events": "events/*", "effects": "truth/effects", "unit_effects": "truth/unit_effects"}
    for view in ("events", "exposures", "users", "items", "observations", "effects", "unit_effects"):
        connection.execute(f"create view {view} as from read_parquet('{demo}/{files.get(view, view)}.parquet')")
    connection.execute(_CLEAN_EVENTS)
    connection.execute(_UNITS)
    return lambda sql: connection.sql(sql).df()
