"""Reads what a build left: the SQL that ran in dbt's target folder, and the columns that it made in the warehouse."""

from __future__ import annotations

import graphlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
from sqlglot.errors import SqlglotError

from lifthouse.lineage.graph import Lineage, Table
from lifthouse.lineage.origins import Column, Origins, normalised, origins

Node = dict[str, Any]
_KINDS = {"source": "input", "seed": "registry", "snapshot": "versions"}
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
    tables = build.tables()
    if not any(table.kind == "SQL" for table in tables):
        raise LineageError(f"the last build was not of {warehouse}: build it again, or name another target folder")
    return Lineage(tables)


def _schema(warehouse: Path) -> Schema:
    schema: Schema = {}
    try:
        with duckdb.connect(warehouse, read_only=True) as connection:
            found = connection.execute(
                "select database_name, schema_name, table_name, column_name from duckdb_columns() where not internal"
            ).fetchall()
    except duckdb.Error as error:
        raise LineageError(f"{error}\nExpected: a warehouse that no build has open. Wait for it") from error
    for database, folder, table, column in found:
        columns = schema.setdefault(database, {}).setdefault(folder, {}).setdefault(table, {})
        columns[normalised(column)] = "unknown"
    return schema


class _Build:
    """dbt's nodes that have a table, the folder of the SQL that ran, and the columns that there are."""

    def __init__(self, nodes: dict[str, Node], compiled: Path, schema: Schema) -> None:
        self._compiled = compiled
        self._schema = schema
        self._nodes = {
            key: node for key, node in nodes.items() if node["resource_type"] == "source" or self._columns(node)
        }
        self._inputs: dict[str, str] = {}

    def tables(self) -> list[Table]:
        """Return all tables in an order in which they can be built."""
        queries = {key: self._query(node) for key, node in self._nodes.items()}
        self._inputs = self._names_of_inputs(queries)
        made_of = {key: self._origins(node, queries[key]) for key, node in self._nodes.items()}
        read = sorted(column for found in made_of.values() for column in found.all)
        order = graphlib.TopologicalSorter({key: self._read_by(node) for key, node in self._nodes.items()})
        return [
            Table(
                name=node["name"],
                kind=_KINDS.get(node["resource_type"]) or ("SQL" if queries[key] else _unread(node)),
                columns=self._columns(node)
                or tuple(dict.fromkeys(column.name for column in read if column.table == node["name"])),
                origins=made_of[key],
            )
            for key in order.static_order()
            for node in [self._nodes[key]]
        ]

    def _columns(self, node: Node) -> tuple[str, ...]:
        """Return the columns of a table in their order; none of the input's, which the warehouse does not hold."""
        name = node.get("alias") or node["name"]
        return tuple(self._schema.get(node["database"], {}).get(node["schema"], {}).get(name, {}))

    def _read_by(self, node: Node) -> list[str]:
        """Return the keys of the tables that a table is made of."""
        return [key for key in node.get("depends_on", {}).get("nodes", []) if key in self._nodes]

    def _query(self, node: Node) -> Origins | None:
        """Look through the SQL of a model; None where there is none, or none that can be followed."""
        if node["resource_type"] != "model" or node["language"] != "sql":
            return None
        file = self._compiled / node["package_name"] / node["original_file_path"]
        if not file.exists():
            raise LineageError(f"{file} does not exist: build first (make build)")
        try:
            return origins(file.read_text(), self._schema)
        except SqlglotError:
            return None

    def _names_of_inputs(self, queries: dict[str, Origins | None]) -> dict[str, str]:
        """Tell which table of the input a file or relation is: what is read by a model that reads no other input."""
        names: dict[str, str] = {}
        for key, found in queries.items():
            read = [self._nodes[each] for each in self._read_by(self._nodes[key])]
            inputs = [node["name"] for node in read if node["resource_type"] == "source"]
            known = {_relation(node) for node in [*read, self._nodes[key]]}
            if found and len(inputs) == 1:
                names |= {column.table: inputs[0] for column in found.all if column.table not in known}
        return names

    def _origins(self, node: Node, found: Origins | None) -> Origins:
        """Find what the columns of a table are made of, by the names that dbt gives its tables."""
        read = [self._nodes[key] for key in self._read_by(node)]
        columns = self._columns(node)
        if node["resource_type"] == "snapshot":
            return self._of_snapshot(node, read)
        if node["resource_type"] != "model":
            return Origins({}, frozenset())
        if not found:
            all_read = frozenset(Column(table["name"], name) for table in read for name in self._columns(table))
            return Origins(dict.fromkeys(columns, all_read), frozenset())
        return Origins(
            {name: self._named(found.values.get(name, found.all), node, read) for name in columns},
            self._named(found.rows, node, read),
        )

    def _of_snapshot(self, node: Node, read: list[Node]) -> Origins:
        """Give the columns that a snapshot keeps, in a row for each version of those that it compares."""
        same = {name: frozenset(_where(name, self._columns, read)) for name in self._columns(node)}
        compared = [node["config"]["unique_key"], *node["config"]["check_cols"]]
        versions = frozenset(column for name in compared for column in _where(normalised(name), self._columns, read))
        return Origins({name: columns or versions for name, columns in same.items()}, versions)

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
        known = self._inputs.get(column.table)
        return {Column(name, column.name) for name in ([known] if known else inputs)}


def _unread(model: Node) -> str:
    return "Python" if model["language"] == "python" else "unread"


def _where(name: str, columns: Callable[[Node], Iterable[str]], tables: list[Node]) -> list[Column]:
    return [Column(table["name"], name) for table in tables if name in columns(table)]


def _relation(node: Node) -> str:
    """Write the name of a table as origins do."""
    return ".".join(normalised(part) for part in (node["database"], node["schema"], node.get("alias") or node["name"]))
