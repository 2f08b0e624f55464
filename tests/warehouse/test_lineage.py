"""Columns of the demo's warehouse lead back to its input, and nothing else decides what is in them."""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from lifthouse.cli import main
from lifthouse.lineage.graph import Lineage
from lifthouse.lineage.origins import Column
from lifthouse.lineage.project import read_lineage
from tests.warehouse.conftest import Warehouse

Reached = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]


@pytest.fixture(scope="module")
def lineage(demo_warehouse: Warehouse) -> Lineage:
    return read_lineage(demo_warehouse.folder / "target", demo_warehouse.path)


def upstream(lineage: Lineage, table: str, column: str) -> Reached:
    return {found.table.name: (found.values, found.rows) for found in lineage.upstream(Column(table, column))}


def test_every_model_and_column_has_its_origins(lineage: Lineage, demo_warehouse: Warehouse) -> None:
    models = {
        (name, column.lower())
        for name, column in demo_warehouse.query(
            "select table_name, column_name from duckdb_columns() where not internal and schema_name != 'registry'"
        )
    }

    assert models == {
        (table.name, name)
        for table in lineage.tables.values()
        if table.kind in {"SQL", "Python", "versions"}
        for name in table.origins.values
    }


def test_all_sql_of_the_project_is_followed(lineage: Lineage) -> None:
    assert [table.name for table in lineage.tables.values() if table.kind == "unread"] == []


def test_a_restatement_is_of_the_numbers_that_are_compared(lineage: Lineage) -> None:
    values, _ = upstream(lineage, "fct_effect_restatements", "restated_at")["int_effects_to_publish"]

    assert {"effect_id", "absolute_effect", "standard_error", "metric_definition"} <= set(values)


def test_a_p_value_leads_back_to_events_exposures_and_the_registry(lineage: Lineage) -> None:
    found = upstream(lineage, "fct_experiment_effects", "p_value")

    assert list(found)[:2] == ["fct_experiment_effects", "int_experiment_effects"]
    inputs = {
        name: set(values) for name, (values, _) in found.items() if lineage.tables[name].kind in {"input", "registry"}
    }
    assert inputs["events"] >= {"user_id", "event_type", "occurred_at", "revenue"}
    assert inputs["exposures"] >= {"user_id", "experiment_id", "variant_id", "exposed_at"}
    assert inputs["experiments"] >= {"started_at", "ended_at"}


def test_values_and_rows_are_told_apart(lineage: Lineage) -> None:
    found = upstream(lineage, "fct_user_days", "revenue")

    assert found["fct_user_days"] == (("revenue",), ())
    assert found["stg_events"][0] == ("revenue",)
    assert {"user_id", "occurred_at"} <= set(found["stg_events"][1])
    assert found["events"][0] == ("revenue",)
    assert "exposures" not in found


def test_downstream_is_upstream_turned_round(lineage: Lineage) -> None:
    price = Column("items", "price")
    reached = {
        Column(found.table.name, name) for found in lineage.downstream(price) for name in (*found.values, *found.rows)
    }

    assert Column("dim_items", "price_tier") in reached
    for table in [lineage.tables[name] for name in ("dim_items", "fct_impressions", "int_conversions_credited")]:
        for name in table.columns:
            found = upstream(lineage, table.name, name).get("items", ((), ()))
            assert (Column(table.name, name) in reached) == ("price" in found[0] + found[1])


def test_prints_where_a_column_comes_from(
    demo_warehouse: Warehouse, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFTHOUSE_WAREHOUSE", str(demo_warehouse.path))
    target = str(demo_warehouse.folder / "target")

    assert main(["lineage", "fct_user_days.revenue", "--target", target]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["fct_user_days", "SQL", "revenue"]
    assert lines[-3].split()[:3] == ["events", "input", "revenue,"]
    assert lines[-1].startswith("(column)  only decides which rows there are")


@pytest.mark.parametrize(
    ("column", "problem"),
    [
        ("fct_session.revenue", "fct_session is no table. Did you mean fct_sessions"),
        ("fct_sessions.revenues", "fct_sessions has no column revenues. Expected: one of session_id, "),
        ("fct_sessions", "fct_sessions has no column named. Expected: one of session_id, "),
    ],
)
def test_what_is_no_column_is_told(
    column: str,
    problem: str,
    demo_warehouse: Warehouse,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LIFTHOUSE_WAREHOUSE", str(demo_warehouse.path))

    assert main(["lineage", column, "--target", str(demo_warehouse.folder / "target")]) == 2
    assert f"lifthouse lineage: {problem}" in capsys.readouterr().err


def test_what_was_not_built_is_told(
    demo_warehouse: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LIFTHOUSE_WAREHOUSE", str(tmp_path / "other.duckdb"))
    ask = ["lineage", "fct_sessions.revenue", "--target", str(demo_warehouse.folder / "target")]

    assert main(ask) == 2
    assert "other.duckdb does not exist: build first" in capsys.readouterr().err
    with duckdb.connect(tmp_path / "other.duckdb") as building:
        assert main(ask) == 2
        assert "Expected: a warehouse that no build has open" in capsys.readouterr().err
        building.execute("create table fct_sessions (revenue double)")
    assert main(ask) == 2
    assert "the last build was not of " in capsys.readouterr().err


@pytest.fixture(scope="module")
def some_users(demo_warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database of the warehouse's name with all of its tables, but one user in two hundred."""
    with duckdb.connect() as connection:
        connection.execute("set threads = 1; set TimeZone = 'UTC'; set asof_loop_join_threshold = 0")
        connection.execute(
            f"attach '{demo_warehouse.path}' as built (read_only); attach ':memory:' as lifthouse; use lifthouse"
        )
        tables = connection.execute(
            "select schema_name, table_name, list(column_name) from duckdb_columns() "
            "where database_name = 'built' and schema_name != 'features' group by all"
        ).fetchall()
        for schema, table, columns in tables:
            kept = " or ".join(f"hash({name}) % 200 = 0" for name in ("user_id", "unit_id") if name in columns)
            connection.execute(f"create schema if not exists {schema}")
            connection.execute(f"create table {schema}.{table} as from built.{schema}.{table} where {kept or 'true'}")
        yield connection


def test_no_other_column_decides_what_is_in_a_column(
    lineage: Lineage, demo_warehouse: Warehouse, some_users: duckdb.DuckDBPyConnection
) -> None:
    target = demo_warehouse.folder / "target"
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    wrong = []
    for node in nodes.values():
        if node.get("language") != "sql" or node["resource_type"] != "model":
            continue
        sql = (target / "compiled" / "lifthouse" / node["original_file_path"]).read_text()
        sql = sql.replace("now()", "timestamp '2026-06-01'")
        read = {nodes[key]["relation_name"]: nodes[key]["name"] for key in node["depends_on"]["nodes"] if key in nodes}
        origins = lineage.tables[node["name"]].origins
        before = digests(some_users, sql)
        alike = defaultdict(list)
        for name, columns in origins.values.items():
            alike[columns | origins.rows].append(name)
        for columns, names in alike.items():
            after = digests(some_users, without_all_but(columns, sql, read, some_users))
            wrong += [f"{node['name']}.{name}" for name in names if after[name] != before[name]]

    assert wrong == []


def without_all_but(
    columns: frozenset[Column], sql: str, read: dict[str, str], connection: duckdb.DuckDBPyConnection
) -> str:
    """Let a query read nulls in all columns but these."""
    for relation, table in read.items():
        found = connection.execute(f"describe {relation}").fetchall() if relation in sql else []
        nulls = [
            f'cast(null as {kind}) as "{name}"'
            for name, kind, *_ in found
            if Column(table, name.lower()) not in columns
        ]
        if nulls:
            connection.execute(
                f"create or replace temp view {table}_of_nulls as select * replace ({', '.join(nulls)}) from {relation}"
            )
            sql = sql.replace(relation, f"{table}_of_nulls")
    return sql


def digests(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, int]:
    """Digest what is in each column, whatever the order of the rows."""
    names = [name for name, *_ in connection.execute(f"describe ({sql}\n)").fetchall()]
    sums = ", ".join(f'sum(cast(hash("{name}") as hugeint))' for name in names)
    return dict(
        zip(map(str.lower, names), connection.execute(f"select {sums} from ({sql}\n)").fetchall()[0], strict=True)
    )
