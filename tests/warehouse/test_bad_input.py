"""Input that can't be used: the build stops before it changes anything, and says what is wrong, where, what to do."""

import hashlib
from collections.abc import Iterator

import duckdb
import pytest

from tests.warehouse.bad_file_cases import FILE_CASES
from tests.warehouse.bad_input_cases import CASES, Case
from tests.warehouse.conftest import Warehouse
from tests.warehouse.small_shop import GOOD, write_input


@pytest.fixture
def good(small_shop: Warehouse) -> Iterator[Warehouse]:
    """A published warehouse that all cases share, as builds that fail must not change it."""
    yield small_shop
    write_input(small_shop.input_folder, GOOD)


def contents(warehouse: Warehouse) -> dict[str, str]:
    """A digest of the published file, of every table's rows in the warehouse, and of the feature store's files."""
    digests = {"published": hashlib.sha256(warehouse.published.read_bytes()).hexdigest()}
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        for schema, table in connection.execute("select schema_name, table_name from duckdb_tables()").fetchall():
            rows = connection.execute(f'select count(*), sum(hash(rows)) from "{schema}"."{table}" as rows').fetchall()
            digests[f"{schema}.{table}"] = str(rows)
    for path in sorted((warehouse.folder / "features").rglob("*.parquet")):
        digests[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return digests


@pytest.mark.parametrize("case", CASES + FILE_CASES, ids=[case.name for case in CASES + FILE_CASES])
def test_bad_input_stops_the_build_and_changes_nothing(case: Case, good: Warehouse) -> None:
    before = contents(good)
    assert len(before) > 30
    write_input(
        good.input_folder,
        {name: content for name, content in (GOOD | case.files).items() if content is not None},
    )

    run = good.dbt("build", "--full-refresh", variables=case.variables)

    assert run.returncode != 0, run.output
    missing = [fragment for fragment in case.says if fragment not in run.output]
    assert not missing, run.output
    assert "Traceback" not in run.output
    assert contents(good) == before


def test_a_folder_that_cannot_be_looked_into_is_not_absent(good: Warehouse) -> None:
    """A link to itself can't be, whoever looks; permissions bind nobody who is root."""
    loops = {name: good.input_folder / name for name in ("exposures", "nowhere")}
    (good.input_folder / "exposures.csv").unlink()
    for loop in loops.values():
        loop.symlink_to(loop.name)
    remedy = "Expected: a folder that the build may list and enter. Correct its permissions."

    of_input = good.dbt("build")
    assert of_input.returncode != 0
    assert (
        of_input.output.count(f"{loops['exposures']} can't be read: Too many levels of symbolic links. {remedy}") == 1
    )
    of_data = good.dbt("build", variables={"input_folder": str(loops["nowhere"])})
    assert of_data.returncode != 0
    assert of_data.output.count(f"{loops['nowhere']} can't be read: Too many levels of symbolic links. {remedy}") == 1
    assert "is not there" not in of_data.output


def test_vars_of_the_wrong_kind_are_named_before_a_model_looks_into_them(warehouse: Warehouse) -> None:
    """Models read some while they are parsed: each would stop there with an error of Jinja."""
    variables = {
        "event_roles": None,
        "funnels": None,
        "retention_periods": None,
        "input_relations": ["raw.web_events"],
        "dimensions": "device",
        "plan_days": 14,
        "session_timeout_minutes": None,
    }

    run = warehouse.dbt("parse", variables=variables)

    assert run.returncode != 0
    assert "The vars cannot be used; nothing was built." in run.output
    assert "event_roles is empty, must be event types by role, like {click: [open]}; leave it out to keep" in run.output
    assert "funnels is empty, must be funnels by name, like {visit: {steps: [open, order]" in run.output
    assert "retention_periods is empty, must be numbers by kind of period, like {day: 30, week: 12}" in run.output
    assert "input_relations == ['raw.web_events'], must be relations by input" in run.output
    assert "dimensions == device, must be a list of attributes, like [device]" in run.output
    assert "plan_days == 14, must be a list of numbers of days, like [7, 14]" in run.output
    assert "session_timeout_minutes is empty, must be a number of minutes > 0" in run.output
