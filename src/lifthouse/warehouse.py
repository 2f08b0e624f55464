"""What the connection needs and SQL can't say: the machine's limits, folders, unreadable files, swapping.

dbt-duckdb loads `Plugin` by name (see profiles.yml). This is the only module that knows dbt.
"""

import atexit
import hashlib
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import duckdb
from dbt.adapters.duckdb.credentials import DuckDBCredentials
from dbt.adapters.duckdb.plugins import BasePlugin
from dbt_common.exceptions import DbtRuntimeError
from duckdb import DuckDBPyConnection

from lifthouse.reading import LimitError, csv_header, duckdb_limits, folder_problem, reading_problem

# A database is called what its file is.
_NAMES_TAKEN = {
    "marts": "the published copy beside it is called so",
    "published": "a build calls the copy that it makes so",
    **dict.fromkeys(["main", "temp", "system"], "DuckDB uses the name itself"),
}


def _name_problem(path: str) -> str:
    """Say why a warehouse can't be at a path; empty if it can."""
    if path.startswith("~") or re.match("[a-z0-9]+:", path, re.IGNORECASE):
        return "a path of a file on this machine is due, with the home folder written out"
    name = Path(path).name.split(".")[0].lower()
    if set("'\"") & set(name) or set("#?") & set(path):
        return "dbt can't read a quote in it, nor # or ? in its path"
    return _NAMES_TAKEN.get(name, "")


def _refuse_nonsense(path: str) -> None:
    """Raise where the environment says what can't be."""
    problem = _name_problem(path)
    if problem:
        raise DbtRuntimeError(f"LIFTHOUSE_WAREHOUSE == {path}, must have another name: {problem}")
    models_at_once = os.environ.get("LIFTHOUSE_MODELS_AT_ONCE") or "2"
    if not re.fullmatch("0*[1-9][0-9]*", models_at_once):
        raise DbtRuntimeError(
            f"LIFTHOUSE_MODELS_AT_ONCE == {models_at_once}. Expected: a whole number of models, at least 1."
        )


def prepare_publication(published: str, grounds: str) -> str:
    """Return the path beside `published` to make the next publication at: a copy, if that can be added to.

    It can if its tables have the comments of `grounds`, a JSON object; otherwise all is published anew.
    """
    staged = Path(f"{published}.next")
    for leftover in (staged, Path(f"{staged}.wal")):
        leftover.unlink(missing_ok=True)
    if json.loads(grounds).items() <= _comments(published).items():
        shutil.copyfile(published, staged)
    return str(staged)


def _comments(database: str) -> dict[str, str | None]:
    """Return the tables of a database file and their comments; none if it can't be opened."""
    try:
        with duckdb.connect(database, read_only=True) as connection:
            return dict(connection.execute("select table_name, comment from duckdb_tables()").fetchall())
    except duckdb.Error:
        return {}


def swap_publication(published: str) -> str:
    """Put the staged publication in place of `published` in one step: readers see the old file or the new.

    A reader that has the old file open keeps it until it closes. A log that somebody's writing left beside the old
    file is not about the new one.
    """
    Path(f"{published}.wal").unlink(missing_ok=True)
    Path(f"{published}.next").replace(published)
    return published


def code_fingerprint(project_dir: str) -> str:
    """Return a digest of all that computes: models, macros and settings of the project, this package, pins."""
    project = Path(project_dir).resolve()
    folders = [project / name for name in ("models", "macros", "python_models")] + [Path(__file__).parent]
    files = [path for folder in folders for path in folder.rglob("*") if path.suffix in (".sql", ".py", ".yml")]
    digest = hashlib.sha256()
    for path in sorted([*files, project / "dbt_project.yml", project / "requirements.lock"]):
        digest.update(f"{path}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


class Plugin(BasePlugin):
    """Follow LIFTHOUSE_CORES and LIFTHOUSE_MEMORY, and let macros publish."""

    def update_connection_config(self, creds: DuckDBCredentials, config: dict[str, Any]) -> None:
        """Bound cores and memory where the environment says so; DuckDB's defaults follow the machine."""
        _refuse_nonsense(creds.path)
        try:
            config.update(duckdb_limits())
            if creds.path != ":memory:":
                Path(creds.external_root).mkdir(parents=True, exist_ok=True)
            # dbt would print what DuckDB says below pages of its own functions.
            duckdb.connect(creds.path, config=config).close()
        except LimitError as error:
            raise DbtRuntimeError(str(error)) from error
        except (duckdb.Error, OSError) as error:
            raise DbtRuntimeError(
                f"{error}\nExpected: a warehouse that nobody else has open, in a folder that can be written to. Wait "
                "for the other build, or let readers open marts.duckdb; otherwise set LIFTHOUSE_WAREHOUSE."
            ) from error

    def configure_connection(self, conn: DuckDBPyConnection) -> None:
        """Register the functions of files that macros call."""
        of_input = (reading_problem, folder_problem, csv_header)
        for function in (*of_input, prepare_publication, swap_publication, code_fingerprint):
            conn.create_function(function.__name__, function, side_effects=True)
        # A connection with functions that is open at exit makes DuckDB's binding print pages about leaks.
        atexit.register(conn.close)
