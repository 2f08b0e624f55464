"""A warehouse of its own for each benchmark, built by dbt as a user builds it."""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.demo import CACHE, PROJECT
from benchmarks.measure import Run, run, say

# Keeps the process below 8 GiB: DuckDB's limit leaves out Python and what the allocator holds.
MEMORY = os.environ.get("LIFTHOUSE_MEMORY") or "5GB"


@dataclass(frozen=True)
class Node:
    """What dbt spent on one model, test or hook."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Warehouse:
    """A folder with a warehouse, built from one folder of input."""

    folder: Path
    input_folder: Path
    memory: str = MEMORY

    @property
    def path(self) -> Path:
        return self.folder / "lifthouse.duckdb"

    @property
    def published(self) -> Path:
        return self.folder / "marts.duckdb"

    def dbt(self, *arguments: str) -> Run:
        """Run `dbt <arguments>` to its end, which must be a good one.

        All warehouses share a target folder, so that from the second run on dbt parses as little as it can.
        """
        name = f"{self.folder.name}-{'-'.join(argument.strip('-+') for argument in arguments)}"
        command = [
            str(Path(sys.executable).with_name("dbt")),
            *arguments,
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
            *("--target-path", str(CACHE / "target"), "--log-path", str(CACHE / "logs")),
            *("--vars", json.dumps({"input_folder": str(self.input_folder)})),
        ]
        environment = {
            "LIFTHOUSE_WAREHOUSE": str(self.path),
            "LIFTHOUSE_MEMORY": self.memory,
            "DBT_USE_COLORS": "0",
        }
        registry = self.input_folder / "registry"
        if registry.is_dir():
            environment["LIFTHOUSE_REGISTRY"] = os.path.relpath(registry, PROJECT)
        return run(command, environment, CACHE / "logs" / f"{name}.txt")

    def build(self, *arguments: str) -> Run:
        """Build, test and publish as `make build` does: unit tests are of the SQL, and left to `make test`."""
        return self.dbt("build", "--exclude-resource-type", "unit_test", *arguments)

    def connect(self) -> duckdb.DuckDBPyConnection:
        """Open the warehouse with the settings that dbt uses."""
        connection = duckdb.connect(str(self.path), config={"memory_limit": self.memory} if self.memory else {})
        connection.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
        return connection

    def drop(self) -> None:
        """Give the disk back."""
        shutil.rmtree(self.folder, ignore_errors=True)


def fresh_warehouse(name: str, input_folder: Path, memory: str = MEMORY) -> Warehouse:
    """Return an empty warehouse in CACHE, in place of an earlier one of the name; no `memory` is the machine's."""
    warehouse = Warehouse(CACHE / name, input_folder, memory)
    warehouse.drop()
    warehouse.folder.mkdir(parents=True)
    return warehouse


def slowest_nodes(count: int = 10) -> list[Node]:
    """Return what took longest in the last dbt command."""
    results = json.loads((CACHE / "target" / "run_results.json").read_text())["results"]
    nodes = [Node(result["unique_id"].split(".")[2], result["execution_time"]) for result in results]
    return sorted(nodes, key=lambda node: -node.seconds)[:count]


def say_slowest(of: str) -> None:
    """Print what took longest in the last dbt command."""
    say(f"  slowest nodes of {of}:")
    for node in slowest_nodes():
        say(f"    {node.seconds:8.1f} s  {node.name}")
