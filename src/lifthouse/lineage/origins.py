"""Which columns of its tables a query's columns are made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.helper import ensure_list
from sqlglot.optimizer.normalize_identifiers import normalize_identifiers
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, build_scope, walk_in_scope

# The columns of a file or a table function can't be listed.
WHOLE_ROW = "*"
# Clauses of a select that decide its rows, and windows, which may be declared apart from the columns that use them.
_CLAUSES_OF_ROWS = (
    "joins",
    "laterals",
    "where",
    "group",
    "having",
    "qualify",
    "distinct",
    "windows",
    "limit",
    "offset",
)
# With these, rows are told apart by all that is selected, or by the order that they are in.
_CHOOSERS = ("distinct", "limit", "offset")
# Columns that they make are not those that are written.
_UNREADABLE = (exp.Pivot, exp.Columns)


@dataclass(frozen=True, order=True)
class Column:
    """A column of a table, both by name."""

    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table}.{self.name}"


@dataclass(frozen=True)
class Origins:
    """What a query reads: for the values of each of its columns, and to decide which rows there are."""

    values: dict[str, frozenset[Column]]
    rows: frozenset[Column]

    @property
    def all(self) -> frozenset[Column]:
        """All columns that the query reads."""
        return self.rows.union(*self.values.values())


def origins(sql: str, schema: Mapping[str, Any]) -> Origins:
    """Find what each column of a query is made of.

    Args:
        sql: A select of DuckDB.
        schema: Names of columns by table, by schema, by database; as keys of mappings at each level.

    Returns:
        By column of the query, the columns that its expression is made of, through common table expressions and
        subqueries. Those that rows are joined, filtered and grouped by stand apart: they are behind every column.
        Tables are called as the query calls them, without quotes.

    Raises:
        sqlglot.errors.SqlglotError: If it can't be followed: what is recursive, pivoted, or of columns by a pattern.

    Example:
        >>> schema = {"shop": {"main": {"orders": {"price": "", "tax": "", "day": ""}}}}
        >>> sql = "with o as (select price + tax as paid from shop.main.orders where day > 1) select * from o"
        >>> found = origins(sql, schema)
        >>> [column.name for column in sorted(found.values["paid"])], [column.name for column in found.rows]
        (['price', 'tax'], ['day'])

    """
    query = sqlglot.parse_one(sql, dialect="duckdb")
    scope = build_scope(qualify(query, dialect="duckdb", schema=dict(schema), validate_qualify_columns=False))
    is_recursive = any(clause.recursive for clause in query.find_all(exp.With))
    if not scope or is_recursive or query.find(*_UNREADABLE):
        raise SqlglotError(f"no select, or one that is recursive, pivoted or of columns by a pattern: {sql}")
    return _Finder().of(scope)


def normalised(name: str) -> str:
    """Write a name as origins do: DuckDB does not tell cases apart.

    Example:
        >>> normalised("Plan Type")
        'plan type'

    """
    return normalize_identifiers(exp.to_identifier(name, quoted=True), dialect="duckdb").name


class _Finder:
    """Looks through the scopes of one query, each once."""

    def __init__(self) -> None:
        self._found: dict[int, Origins] = {}

    def of(self, scope: Scope) -> Origins:
        """Find what a select, or a union of selects, is made of."""
        if id(scope) not in self._found:
            self._found[id(scope)] = self._of(scope)
        return self._found[id(scope)]

    def _of(self, scope: Scope) -> Origins:
        query = scope.expression
        if scope.set_operation_scopes:
            found = self._of_union(scope)
        elif isinstance(query, exp.Subquery):
            found = self.of(scope.derived_table_scopes[0])
        elif isinstance(query, exp.Select):
            found = self._of_select(query, scope)
        else:
            # What is unnested beside a table: an element a row.
            inside = [*scope.table_scopes, *scope.subquery_scopes]
            return Origins({}, self._in(query, scope).union(*(self.of(each).all for each in inside)))
        return Origins(found.values, found.all) if any(query.args.get(chooser) for chooser in _CHOOSERS) else found

    def _of_union(self, scope: Scope) -> Origins:
        left, right = (self.of(side) for side in scope.set_operation_scopes)
        if len(left.values) != len(right.values):
            raise SqlglotError(f"columns of the same name: {scope.expression.sql('duckdb')}")
        if scope.expression.args.get("by_name"):
            names = list(left.values | right.values)
            values = {name: left.values.get(name, frozenset()) | right.values.get(name, frozenset()) for name in names}
        else:
            values = {
                name: ours | theirs
                for (name, ours), theirs in zip(left.values.items(), right.values.values(), strict=True)
            }
        found = Origins(values, left.rows | right.rows)
        # An intersection and a difference compare whole rows.
        return found if isinstance(scope.expression, exp.Union) else Origins(values, found.all)

    def _of_select(self, select: exp.Select, scope: Scope) -> Origins:
        values = {projection.alias_or_name: self._in(projection, scope) for projection in select.expressions}
        rows: set[Column] = set()
        for clause in _CLAUSES_OF_ROWS:
            for part in ensure_list(select.args.get(clause)):
                rows |= self._in(part, scope, own=select.named_selects)
        order = select.args.get("order")
        if order and (scope.parent or any(select.args.get(chooser) for chooser in _CHOOSERS)):
            rows |= self._in(order, scope, own=select.named_selects)
        for projection in select.expressions:
            if any(isinstance(node, exp.Unnest | exp.Explode) for node in walk_in_scope(projection)):
                rows |= values[projection.alias_or_name]
        for name, _ in scope.references:
            source = scope.sources.get(name)
            if isinstance(source, Scope):
                rows |= self.of(source).rows
        group = select.args.get("group")
        if group and group.args.get("all"):
            for projection in select.expressions:
                if not any(isinstance(node, exp.AggFunc) for node in walk_in_scope(projection)):
                    rows |= values[projection.alias_or_name]
        return Origins(values, frozenset(rows))

    def _in(self, expression: exp.Expr, scope: Scope, own: Collection[str] = ()) -> frozenset[Column]:
        """Find what a part of a select is made of, apart from `own`, the names that the select gives its columns."""
        found: set[Column] = set()
        subqueries = {id(subquery.expression): subquery for subquery in scope.subquery_scopes}
        for node in walk_in_scope(expression):
            if id(node) in subqueries:
                found |= self.of(subqueries[id(node)]).all
            elif isinstance(node, exp.Column) and node.table:
                found |= self._behind(node.table, node.name, scope)
            elif isinstance(node, exp.Column | exp.TableColumn) and node.name not in own:
                found |= self._behind(node.name, WHOLE_ROW, scope)
        return frozenset(found)

    def _behind(self, source_name: str, column_name: str, scope: Scope) -> frozenset[Column]:
        """Find what a column stands for: of a table, of another select, or of a select around this one."""
        around: Scope | None = scope
        while around and source_name not in around.sources:
            around = around.parent
        if not around:
            raise SqlglotError(f"{source_name}.{column_name} is of no table: {scope.expression.sql('duckdb')}")
        source = around.sources[source_name]
        if isinstance(source, Scope):
            found = self.of(source)
            return found.values.get(column_name, found.all)
        return frozenset({Column(_name_of(source), WHOLE_ROW if source.alias_column_names else column_name)})


def _name_of(table: exp.Table) -> str:
    """Name a table as the query does, without quotes; a function that gives rows, by its text."""
    return ".".join(part.name for part in table.parts) if table.name else table.this.sql(dialect="duckdb")
