"""Why a file can't be read, for messages that name the line."""

import csv
import gzip
import itertools
import json
import os
import re
from pathlib import Path
from typing import Any, TextIO

import duckdb

# A field is as long as it is.
csv.field_size_limit(2**31 - 1)
# DuckDB's options that the environment may bound: by which variable, and with what.
_LIMITS = {
    "threads": ("LIFTHOUSE_CORES", "a number of cores such as 2"),
    "memory_limit": ("LIFTHOUSE_MEMORY", "an amount of memory such as 6GB"),
}


class LimitError(Exception):
    """A limit of the environment that DuckDB can't keep to."""


def duckdb_limits() -> dict[str, Any]:
    """DuckDB's options where the environment bounds cores and memory; its defaults follow the machine.

    Raises:
        LimitError: If DuckDB can't keep to one of them.

    """
    limits = {}
    for option, (name, expected) in _LIMITS.items():
        value = os.environ.get(name)
        if value:
            limits[option] = value
            try:
                duckdb.connect(config={option: value}).close()
            except duckdb.Error as error:
                raise LimitError(f"{name} == {value}. Expected: {expected}. {error}") from error
    return limits


def reading_problem(sql: str) -> str:
    """Say why DuckDB can't run a query over files, in one line; empty if it can.

    A template can't catch an error. The query runs in a database of its own and can't see the warehouse.
    """
    try:
        with duckdb.connect(config=duckdb_limits()) as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(sql)
    except duckdb.Error as error:
        message, _, settings = str(error).partition("\n\n")
        unsniffed = re.search(r'Error when sniffing file "(.+)"', message)
        if unsniffed:
            return _csv_problem(Path(unsniffed[1])) or message.splitlines()[0]
        lines = [line.strip() for line in message.splitlines() if not line.startswith(("Possible", "*"))]
        files = re.findall(r"^\s*file = (.*)$", settings, re.MULTILINE)
        return "; ".join([*files, *lines])
    return ""


def folder_problem(path: str) -> str:
    """Say why a folder can't be looked into; empty if it can, or if there is none. DuckDB would find it empty."""
    try:
        # To list a folder is one permission, to enter it another.
        with os.scandir(path):
            os.stat(f"{path}/.")  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return ""
    except OSError as error:
        return error.strerror or str(error)
    return ""


def csv_header(path: str, known: str) -> str:
    """Return as JSON the names in the header of a CSV file, and how many values the line after it has.

    DuckDB gives a name that comes twice another one, and takes another line for the header where it looks more like
    the rest. Lines above the header, which it passes over, have none of the names that are known, given as JSON too.
    """
    names = set(json.loads(known))
    with _opened(Path(path), errors="replace") as text:
        lines = [[value.strip() for value in values] for values in itertools.islice(csv.reader(text), 20) if values]
    place = next((place for place, values in enumerate(lines) if names & {value.lower() for value in values}), 0)
    header, *rows = lines[place:] or [[]]
    return json.dumps({"names": header, "count_values": len(rows[0]) if rows else len(header)})


def _csv_problem(path: Path) -> str:
    """Find the first line that isn't like the header; empty if there is none."""
    with _opened(path) as text:
        reader = csv.reader(text, strict=True)
        first_line = 1
        try:
            names = next(reader, [])
            first_line = reader.line_num + 1
            for values in reader:
                if values and len(values) != len(names):
                    return f"{path}; line {first_line} has {len(values)} values, the header {len(names)} names"
                first_line = reader.line_num + 1
        except UnicodeDecodeError:
            return f"{path}; the text after line {first_line} is not in UTF-8"
        except csv.Error as error:
            return f"{path}; line {first_line} has a quote that is not closed or not doubled ({error})"
    return _mixed_endings(path)


def _mixed_endings(path: Path) -> str:
    """Find the first line that doesn't end as the header does; empty if there is none."""
    with _opened(path) as text:
        endings = (line[len(line.rstrip("\r\n")) :] for line in text)
        header_ending = next(endings, "")
        for number, ending in enumerate(endings, 2):
            if ending not in (header_ending, ""):
                return f"{path}; line {number} ends in {_named(ending)}, the header in {_named(header_ending)}"
    return ""


def _named(ending: str) -> str:
    return ending.replace("\r", "CR").replace("\n", "LF")


def _opened(path: Path, errors: str = "strict") -> TextIO:
    """Open a CSV file as text; a byte order mark is none of it."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors=errors, newline="")
    return path.open(encoding="utf-8-sig", errors=errors, newline="")
