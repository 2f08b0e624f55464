"""Reads what a build left: the SQL that ran in dbt's target folder, and the columns that it made in the warehouse."""

from __future__ import annotations

import graphlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
from sqlglot.errors import SqlglotError

from lifthouse.lineage.graph import Lineage, Table
from lifthouse.lineage.origins import Column, Origins, origins

Node = dict[str, Any]
# Columns by table, by schema, by database.
Schema = dict[str, dict[str, dict[str, dict[str, str]]]]


class LineageError(Exception):
    """A question that can't be answered, with what to do."""


def read_lineage(target: Path, warehouse: Path) -> Lineage:
    """Find what every column of a built project is made of.

    Args:
        target: dbt's target folder.
        warehouse: The file that the same build wrote, which nobody is writing to.

    Raises:
        LineageError: If something is missing or can't be read.

    """
    manifest_file = target / "manifest.json"
    for file in (manifest_file, warehouse):
        if not file.exists():
            raise LineageError(f"{file} does not exist: build first (make build)")
    manifest = json.loads(manifest_file.read_text())
    build = _Build(manifest["sources"] | manifest["nodes"], target / "compiled", _schema(warehouse))
    try:
        tables = build.tables()
    except SqlglotError as error:
        raise LineageError(f"{error}\nExpected: a warehouse of the last build. Build {warehouse} again") from error
    if not any(table.kind == "model" for table in tables):
        raise LineageError(f"the last build was not of {warehouse}: build it again, or name another target folder")
    return Lineage(tables)


def _schema(warehouse: Path) -> Schema:
    schema: Schema = {}
    try:
        with duckdb.connect(warehouse, read_only=True) as connection:
            found = connection.execute(
                "select database_name, schema_name, table_name, lower(column_name) from duckdb_columns() "
                "where not internal"
            ).fetchall()
    except duckdb.Error as error:
        raise LineageError(f"{error}\nExpected: a warehouse that no build has open. Wait for it") from error
    for database, folder, table, column in found:
        schema.setdefault(database, {}).setdefault(folder, {}).setdefault(table, {})[column] = "unknown"
    return schema


class _Build:
    """dbt's nodes that have a table, the folder of the SQL that ran, and the columns that there are."""

    def __init__(self, nodes: dict[str, Node], compiled: Path, schema: Schema) -> None:
        self._compiled = compiled
        self._schema = schema
        self._nodes = {
            key: node for key, node in nodes.items() if node["resource_type"] == "source" or self._columns(node)
        }

    def tables(self) -> list[Table]:
        """Return all tables in an order in which they can be built."""
        made_of = {key: self._origins(node) for key, node in self._nodes.items()}
        read = sorted(column for found in made_of.values() for column in found.all)
        order = graphlib.TopologicalSorter({key: self._read_by(node) for key, node in self._nodes.items()})
        return [
            Table(
                name=node["name"],
                kind=node["resource_type"],
                columns=self._columns(node)
                or tuple(dict.fromkeys(column.name for column in read if column.table == node["name"])),
                origins=made_of[key],
                is_python=_is_python(node),
            )
            for key in order.static_order()
            for node in [self._nodes[key]]
        ]

    def _columns(self, node: Node) -> tuple[str, ...]:
        """Return the columns of a table in their order; none of the input's, which the warehouse does not hold."""
        return tuple(self._schema.get(node["database"], {}).get(node["schema"], {}).get(_table_name(node), {}))

    def _read_by(self, node: Node) -> list[str]:
        """Return the keys of the tables that a table is made of."""
        return [key for key in node.get("depends_on", {}).get("nodes", []) if key in self._nodes]

    def _origins(self, node: Node) -> Origins:
        """Find what the columns of a table are made of."""
        read = [self._nodes[key] for key in self._read_by(node)]
        if node["resource_type"] == "snapshot":
            # It keeps the versions of what it reads.
            same = {
                name: {table["name"] for table in read if name in self._columns(table)} for name in self._columns(node)
            }
            return Origins(
                {name: frozenset(Column(table, name) for table in tables) for name, tables in same.items()}, frozenset()
            )
        if node["resource_type"] != "model":
            return Origins({}, frozenset())
        if _is_python(node):
            all_read = frozenset(Column(table["name"], name) for table in read for name in self._columns(table))
            return Origins(dict.fromkeys(self._columns(node), all_read), frozenset())
        file = self._compiled / node["package_name"] / node["original_file_path"]
        if not file.exists():
            raise LineageError(f"{file} does not exist: build first (make build)")
        found = origins(file.read_text(), self._schema)
        return Origins(
            {name: self._named(columns, node, read) for name, columns in found.values.items()},
            self._named(found.rows, node, read),
        )

    def _named(self, columns: Iterable[Column], reader: Node, read: list[Node]) -> frozenset[Column]:
        """Name the tables of columns as dbt does. A daily run looks into what it adds to, which is no origin."""
        return frozenset().union(
            *(self._of_table(column, read) for column in columns if column.table != _relation(reader))
        )

    def _of_table(self, column: Column, read: list[Node]) -> set[Column]:
        for node in read:
            if column.table == _relation(node):
                columns = self._columns(node)
                return {Column(node["name"], name) for name in ([column.name] if column.name in columns else columns)}
        # A file, or a relation that somebody named, stands for a table of the input.
        inputs = [node["name"] for node in read if node["resource_type"] == "source"]
        return {Column(name, column.name) for name in [name for name in inputs if name in column.table] or inputs}


def _is_python(node: Node) -> bool:
    return bool(node.get("language") == "python")


def _table_name(node: Node) -> str:
    return str(node.get("alias") or node["name"])


def _relation(node: Node) -> str:
    return f"{node['database']}.{node['schema']}.{_table_name(node)}"
