"""The columns of a built project, and what each is made of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lifthouse.lineage.origins import Column, Origins

Edges = Mapping[Column, frozenset[Column]]


@dataclass(frozen=True)
class Table:
    """A table of the input or the registry, or one that is built.

    Attributes:
        name: As dbt calls it.
        kind: input, registry, versions (a snapshot), SQL; Python, or unread: SQL that can't be followed. Each column of
            these two may be of all that is read.
        columns: In their order.
        origins: What the columns are made of: nothing, of a table that is not built.

    """

    name: str
    kind: str
    columns: tuple[str, ...]
    origins: Origins


@dataclass(frozen=True)
class Reached:
    """The columns of one table on the way from a column.

    Attributes:
        table: The table.
        values: Those whose values go into the column, or the column's into theirs.
        rows: All others: they decide, or it decides, only which rows there are.

    """

    table: Table
    values: tuple[str, ...]
    rows: tuple[str, ...]


class Lineage:
    """What all columns are made of.

    Args:
        tables: In an order in which they can be built.

    """

    def __init__(self, tables: Iterable[Table]) -> None:
        self.tables = {table.name: table for table in tables}
        self._values: Edges = {
            Column(table.name, name): table.origins.values.get(name, frozenset())
            for table in self.tables.values()
            for name in table.columns
        }
        self._all: Edges = {
            column: read | self.tables[column.table].origins.rows for column, read in self._values.items()
        }

    def upstream(self, column: Column) -> list[Reached]:
        """Return what a column is made of, table by table: its own first, the input last."""
        return self._by_table(_closure(column, self._values), _closure(column, self._all))[::-1]

    def downstream(self, column: Column) -> list[Reached]:
        """Return what is made of a column, table by table: its own first."""
        return self._by_table(_closure(column, _turned(self._values)), _closure(column, _turned(self._all)))

    def _by_table(self, values: set[Column], everything: set[Column]) -> list[Reached]:
        found = [
            Reached(
                table,
                tuple(name for name in table.columns if Column(table.name, name) in values),
                tuple(name for name in table.columns if Column(table.name, name) in everything - values),
            )
            for table in self.tables.values()
        ]
        return [reached for reached in found if reached.values or reached.rows]


def _turned(edges: Edges) -> Edges:
    turned: dict[Column, set[Column]] = defaultdict(set)
    for column, others in edges.items():
        for other in others:
            turned[other].add(column)
    return {column: frozenset(others) for column, others in turned.items()}


def _closure(start: Column, edges: Edges) -> set[Column]:
    """Return all that can be reached from a column, itself included."""
    reached = {start}
    ahead = [start]
    while ahead:
        new = edges.get(ahead.pop(), frozenset()) - reached
        reached |= new
        ahead += new
    return reached
