"""Recipes: how well-known public data becomes the input of the warehouse.

A recipe is two files: NAME.sql, which selects the rows of `events` from `$source`, and NAME.vars.yml, the dbt
vars that these events need.
"""

from __future__ import annotations

import re
import shutil
from importlib.resources import files
from pathlib import Path

import duckdb

from lifthouse.reading import duckdb_limits

_FOLDER = Path(str(files(__package__)))
# A line that begins with # is a row as any other: DuckDB would guess that it is a comment.
_SCANS = {
    ".parquet": "read_parquet({})",
    ".csv": "read_csv({}, comment = '')",
    ".csv.gz": "read_csv({}, comment = '')",
}
_REQUIRED_COLUMNS = ("event_id", "user_id", "event_type", "occurred_at")


class RecipeError(Exception):
    """A recipe can't be followed; the message says what was expected and what to do."""


def recipe_names() -> list[str]:
    """Names of the recipes that come with lifthouse."""
    return sorted(path.stem for path in _FOLDER.glob("*.sql"))


def prepare(name: str, source: Path, out: Path) -> int:
    """Write `<out>/events.parquet` and `<out>/vars.yml` from a public file.

    Args:
        name: A recipe of `recipe_names()`, or the path of your own `.sql` file with its `.vars.yml` beside.
        source: The public file, Parquet or CSV with a header.
        out: The folder to write; `make build DATA=<out>` builds it.

    Returns:
        The number of events written.

    Raises:
        RecipeError: If recipe or file isn't there, or the file lacks a column that the recipe reads.
        LimitError: If DuckDB can't keep to LIFTHOUSE_CORES or LIFTHOUSE_MEMORY.

    """
    sql, settings = _recipe(name)
    query = re.sub(r"\$source\b", lambda _: _scan(source), sql.read_text().rstrip().removesuffix(";"))
    out.mkdir(parents=True, exist_ok=True)
    events, unfinished = out / "events.parquet", out / "events.parquet.next"
    try:
        with duckdb.connect(config=duckdb_limits()) as connection:
            connection.execute("set TimeZone = 'UTC'")
            _check_columns(connection, query, sql)
            # The result of a copy is the number of rows.
            options = "format parquet, compression zstd"
            copied = connection.execute(f"copy ({query}\n) to {_quoted(unfinished)} ({options})")
            count = copied.fetchall()[0][0]
    except duckdb.Error as error:
        unfinished.unlink(missing_ok=True)
        raise RecipeError(
            f"{source}: recipe {name} can't read it. Expected: the columns that {sql} selects, "
            f"with values as it reads them. DuckDB says: {str(error).strip()}"
        ) from error
    unfinished.replace(events)
    shutil.copyfile(settings, out / "vars.yml")
    return int(count)


def _recipe(name: str) -> tuple[Path, Path]:
    sql = Path(name) if name.endswith(".sql") else _FOLDER / f"{name}.sql"
    settings = sql.with_suffix(".vars.yml")
    for path in (sql, settings):
        if not path.is_file():
            raise RecipeError(
                f"{path} is not there. Expected: one of the recipes {', '.join(recipe_names())}, "
                "or a .sql file of your own with its .vars.yml beside it."
            )
    return sql, settings


def _scan(source: Path) -> str:
    name = source.name.lower()
    scan = next((scan for ending, scan in _SCANS.items() if name.endswith(ending)), None)
    if scan is None or not source.is_file():
        raise RecipeError(f"{source} can't be read. Expected: a file ending in {', '.join(_SCANS)}.")
    return scan.format(_quoted(source))


def _check_columns(connection: duckdb.DuckDBPyConnection, query: str, sql: Path) -> None:
    yielded = [row[0] for row in connection.execute(f"describe {query}").fetchall()]
    # As in the input contract, names are matched without regard to case.
    missing = [name for name in _REQUIRED_COLUMNS if name not in map(str.lower, yielded)]
    if missing:
        raise RecipeError(
            f"{sql} yields no column {', '.join(missing)}. Expected: {', '.join(_REQUIRED_COLUMNS)}; "
            f"found: {', '.join(yielded)}."
        )


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
