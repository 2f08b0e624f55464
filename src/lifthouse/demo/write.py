"""Parquet output: many files open at once, in a folder that appears only when complete."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

MANIFEST = Path("truth", "manifest.json")


class DemoError(Exception):
    """The demo data can't be written as asked."""


class NotADemoFolderError(DemoError):
    """The output folder holds something other than demo data, which must not be replaced."""


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """Yield a new folder to fill; it takes the place of `folder` on success and vanishes on failure."""
    if folder.exists() and not (folder / MANIFEST).exists() and any(folder.iterdir()):
        raise NotADemoFolderError(f"{folder} has no {MANIFEST}: won't replace what is not demo data")
    folder = folder.resolve()
    new, old = (folder.with_name(f".{folder.name}.{os.getpid()}.{state}") for state in ("new", "old"))
    new.mkdir(parents=True)
    try:
        yield new
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except BaseException:
        if old.exists():
            old.rename(folder)
        raise
    finally:
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)


class ParquetFiles:
    """Parquet files under one folder, each open from its first rows to the end of the `with` block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._open = ExitStack()

    def __enter__(self) -> ParquetFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, trace)

    def append(self, name: str, table: pa.Table) -> None:
        """Add rows to the file `name`, such as events/2026-03-16.parquet."""
        if name not in self._writers:
            path = self._folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            writer = pq.ParquetWriter(path, table.schema, compression="zstd", store_schema=False)
            self._writers[name] = self._open.enter_context(writer)
        self._writers[name].write_table(table)
