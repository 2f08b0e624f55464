"""Analyses as a warehouse compiles them, to be answered from marts."""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.warehouse.conftest import Warehouse


@dataclass(frozen=True)
class Answer:
    columns: list[str]
    rows: list[tuple[Any, ...]]

    def values(self, column: str) -> list[Any]:
        return [row[self.columns.index(column)] for row in self.rows]

    def records(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


@dataclass(frozen=True)
class Analyses:
    """The compiled analyses, and a connection to the published marts."""

    folder: Path
    manifest: dict[str, Any]
    connection: duckdb.DuckDBPyConnection

    def answer(self, name: str) -> Answer:
        sql = (self.folder / f"{name}.sql").read_text()
        result = self.connection.execute(sql)
        return Answer([column[0] for column in result.description], result.fetchall())

    def records_on(self, name: str, tables: dict[str, str]) -> list[dict[str, Any]]:
        """The answer on marts of a few rows, which hold only the columns that matter: {mart: SQL of its rows}."""
        sql = (self.folder / f"{name}.sql").read_text()
        with duckdb.connect() as connection:
            connection.execute("attach ':memory:' as lifthouse")
            for table, rows in tables.items():
                connection.execute(f"create table lifthouse.{table} as {rows}")
            result = connection.execute(sql)
            columns = [column[0] for column in result.description]
            return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]

    def schemas_read(self, name: str) -> set[str]:
        node = self.manifest["nodes"][f"analysis.lifthouse.{name}"]
        return {self.manifest["nodes"][parent]["schema"] for parent in node["depends_on"]["nodes"]}


def analyses_of(warehouse: Warehouse) -> Iterator[Analyses]:
    """The analyses, as long as the connection to the published marts is open."""
    folder, manifest = compiled(warehouse)
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(f"attach '{warehouse.published}' as lifthouse (read_only)")
        yield Analyses(folder, manifest, connection)


@functools.cache
def compiled(warehouse: Warehouse) -> tuple[Path, dict[str, Any]]:
    """The folder of their SQL, and the manifest."""
    run = warehouse.dbt("compile", "--select", "resource_type:analysis")
    assert run.returncode == 0, run.output
    target = warehouse.folder / "target"
    manifest: dict[str, Any] = json.loads((target / "manifest.json").read_text())
    return target / "compiled" / "lifthouse" / "analyses", manifest
