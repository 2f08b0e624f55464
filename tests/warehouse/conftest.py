"""Runs dbt as a user does, each test in a warehouse of its own."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.warehouse.dbt_server import PROJECT, run_dbt
from tests.warehouse.small_shop import GOOD, write_input

# Unit tests bring their own rows: on a warehouse whose data are the point they would only take time.
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")
# Nor are data tests needed where a test looks at the tables itself, and others run them on the like.
WITHOUT_TESTS = ("--exclude-resource-type", "test", "unit_test")
# Vars of a build whose models of uplift, which take longest, nobody looks at.
WITHOUT_UPLIFT = {"uplift_metrics": ["none"]}


@dataclass(frozen=True)
class Run:
    """How a dbt command ended."""

    returncode: int
    output: str


@dataclass(frozen=True)
class Warehouse:
    """A warehouse in a folder of its own, built from one folder of input."""

    folder: Path
    input_folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "lifthouse.duckdb"

    @property
    def published(self) -> Path:
        return self.folder / "marts.duckdb"

    def command(self, *arguments: str, variables: dict[str, Any] | None = None) -> tuple[list[str], dict[str, str]]:
        """The command line and environment of `dbt <arguments>` on this warehouse."""
        command = [
            str(Path(sys.executable).with_name("dbt")),
            *arguments,
            *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
            *("--target-path", str(self.folder / "target"), "--log-path", str(self.folder / "logs")),
            *("--vars", json.dumps({"input_folder": str(self.input_folder), **(variables or {})})),
        ]
        environment = {**os.environ, "LIFTHOUSE_WAREHOUSE": str(self.path), "DBT_USE_COLORS": "0"}
        registry = self.input_folder / "registry"
        if registry.is_dir():
            environment["LIFTHOUSE_REGISTRY"] = os.path.relpath(registry, PROJECT)
        return command, environment

    def dbt(self, *arguments: str, variables: dict[str, Any] | None = None) -> Run:
        """Run `dbt <arguments>` to its end."""
        command, environment = self.command(*arguments, variables=variables)
        return Run(*run_dbt(command[1:], environment))

    def built(self, *arguments: str, variables: dict[str, Any] | None = None) -> Run:
        """`dbt build <arguments>`, which must succeed."""
        run = self.dbt("build", *arguments, variables=variables)
        assert run.returncode == 0, run.output
        return run

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the warehouse itself, which no build may hold open."""
        with duckdb.connect(str(self.path), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def query_published(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of the published marts, as BI reads them."""
        with duckdb.connect(str(self.published), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def copy_to(self, folder: Path) -> "Warehouse":
        """A warehouse of the same state that can be built upon without touching this one."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("logs"))
        return Warehouse(folder, self.input_folder)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """An empty warehouse over an empty folder of input."""
    (tmp_path / "input").mkdir()
    (tmp_path / "warehouse").mkdir()
    return Warehouse(tmp_path / "warehouse", tmp_path / "input")


@pytest.fixture(scope="session")
def make_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Warehouse]:
    """Makes empty warehouses, each over an empty folder of input, that several tests may share."""

    def make() -> Warehouse:
        folder = tmp_path_factory.mktemp("shared")
        (folder / "input").mkdir()
        (folder / "warehouse").mkdir()
        return Warehouse(folder / "warehouse", folder / "input")

    return make


@pytest.fixture(scope="session")
def demo_warehouse(make_warehouse: Callable[[], Warehouse]) -> Warehouse:
    """A built warehouse of the demo that `make build` makes; tests only read it."""
    warehouse = make_warehouse()
    lifthouse = Path(sys.executable).with_name("lifthouse")
    warehouse.input_folder.rmdir()
    subprocess.run([lifthouse, "demo", "--out", warehouse.input_folder], check=True)
    warehouse.built("--full-refresh")
    return warehouse


@pytest.fixture(scope="session")
def small_shop(make_warehouse: Callable[[], Warehouse]) -> Warehouse:
    """A built and published warehouse over good input that can be read at a glance. Who changes it puts it back."""
    shop = make_warehouse()
    write_input(shop.input_folder, GOOD)
    shop.built("--full-refresh", *WITHOUT_TESTS)
    return shop


@pytest.fixture(scope="session")
def registry_input(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("input")


@pytest.fixture
def registry_warehouse(registry_input: Path, tmp_path: Path) -> Warehouse:
    """An empty warehouse. Its registry is always in the same place, and need not be parsed again for other rows."""
    write_input(registry_input, {})
    return Warehouse(tmp_path, registry_input)


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The folder of real public data sets; skips where there is none."""
    folder = os.environ.get("LIFTHOUSE_DATA")
    if not folder:
        pytest.skip("LIFTHOUSE_DATA is not set: no folder of public data sets to test on")
    return Path(folder)
