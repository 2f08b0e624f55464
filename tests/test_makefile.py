"""What `make` gives dbt, and what it removes, with a command in dbt's place that only says how it was called."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

PROJECT = Path(__file__).parents[1]
# In dbt's place: says how it was called.
DBT = f"""#!{sys.executable}
import json, os, pathlib, sys
called = {{"arguments": sys.argv[1:], "registry": os.environ.get("LIFTHOUSE_REGISTRY")}}
pathlib.Path("called.json").write_text(json.dumps(called))
"""


@dataclass(frozen=True)
class Called:
    """How dbt was called."""

    arguments: list[str]
    registry: str | None

    @property
    def variables(self) -> dict[str, Any]:
        return yaml.safe_load(self.arguments[self.arguments.index("--vars") + 1])

    @property
    def is_full_refresh(self) -> bool:
        return "--full-refresh" in self.arguments


@dataclass(frozen=True)
class Project:
    """A project whose packages seem to be installed."""

    folder: Path

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        inherited = ("LIFTHOUSE_", "MAKE", "DATA", "FULL")
        environment = {name: value for name, value in os.environ.items() if not name.startswith(inherited)}
        command = ["make", "--no-print-directory", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    def built(self, *arguments: str) -> Called:
        """`make build <arguments>`, which must succeed."""
        done = self.make("build", *arguments)
        assert done.returncode == 0, done.stderr
        return Called(**json.loads((self.folder / "called.json").read_text()))

    def refused(self, *arguments: str) -> str:
        """What is said of `make build <arguments>`, which must fail before dbt is called."""
        done = self.make("build", *arguments)
        assert done.returncode != 0
        assert not (self.folder / "called.json").exists()
        return done.stderr

    def write(self, name: str, content: str = "") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(PROJECT / name, tmp_path)
    shutil.copytree(PROJECT / "seeds", tmp_path / "seeds")
    project.write(".venv/bin/dbt", DBT).chmod(0o755)
    project.write("data/demo/truth/manifest.json")
    project.write(".venv/installed")
    return project


@pytest.mark.parametrize(
    "folder", ["data/shop", "data/my shop", "data/it's", 'data/"so-called" shop: #1', "data/a(1) & b;"]
)
def test_a_folder_of_input_may_have_any_name(project: Project, folder: str):
    project.write(f"{folder}/vars.yml", "session_timeout_minutes: 20\ninput_folder: elsewhere")
    expected = {"session_timeout_minutes": 20, "input_folder": folder}
    assert project.built(f"DATA={folder}").variables == expected
    # With a slash, tables would remember it as another folder, and be built anew.
    assert project.built(f"DATA={folder}/").variables == expected


@pytest.mark.parametrize("folder", ["data/shop", "data/my shop"])
def test_a_folder_of_input_may_bring_its_own_registry(project: Project, folder: str):
    shutil.copytree(PROJECT / "seeds", project.folder / folder / "registry")
    assert project.built(f"DATA={folder}").registry == f"{folder}/registry"
    shutil.copytree(PROJECT / "seeds", project.folder / "mine")
    assert project.built(f"DATA={folder}", "LIFTHOUSE_REGISTRY=mine").registry == "mine"


def test_a_registry_begins_without_experiments(project: Project):
    project.write("data/my shop/events.csv")
    assert project.make("registry", "DATA=data/my shop").returncode == 0
    for path in (PROJECT / "seeds").glob("*.csv"):
        [header] = (project.folder / "data/my shop/registry" / path.name).read_text().splitlines()
        assert header == path.read_text().splitlines()[0]
    assert project.built("DATA=data/my shop").registry == "data/my shop/registry"
    again = project.make("registry", "DATA=data/my shop")
    assert "data/my shop/registry is there already" in again.stderr
    assert "DATA == 'data/shpo' is no folder" in project.make("registry", "DATA=data/shpo").stderr


# Says that it is another version.
PYTHON = f"""#!{sys.executable}
import sys
sys.version, sys.version_info = "3.12.4 (main)", (3, 12, 4, "final", 0)
exec(sys.argv[sys.argv.index("-c") + 1])
"""


def test_another_python_is_refused_before_anything_is_installed(project: Project):
    shutil.rmtree(project.folder / ".venv")
    project.write("bin/python", PYTHON).chmod(0o755)
    done = project.make("setup", "PYTHON=bin/python")
    assert done.returncode != 0
    assert "bin/python is Python 3.12.4. Expected: 3.11." in done.stderr
    assert not (project.folder / ".venv").exists()


def test_the_demo_needs_neither_settings_nor_registry(project: Project):
    for arguments in ([], ["DATA=data/demo"], ["DATA=data/demo/"]):
        called = project.built(*arguments)
        assert (called.variables, called.registry) == ({"input_folder": "data/demo"}, None)


def test_what_cannot_be_read_is_named(project: Project):
    assert "DATA == 'data/shpo' is no folder" in project.refused("DATA=data/shpo")
    assert "DATA == '' is no folder" in project.refused("DATA=")
    project.write("data/shop/vars.yml/nobody writes settings into a folder")
    assert "data/shop/vars.yml" in project.refused("DATA=data/shop")
    project.write("data/half/registry/experiments.csv")
    assert "data/half/registry/experiment_metrics.csv is not there." in project.refused("DATA=data/half")
    said = project.refused("LIFTHOUSE_REGISTRY=data/nowhere")
    assert "data/nowhere/experiment_metrics.csv is not there. Expected: all tables of a registry." in said
    project.write("data/it's/registry/experiments.csv")
    assert "can't read data/it's/registry. Expected: no apostrophe" in project.refused("DATA=data/it's")


def test_a_build_is_full_at_first_and_when_asked_for(project: Project):
    assert project.built().is_full_refresh
    project.write("warehouse/lifthouse.duckdb")
    assert [project.built(full).is_full_refresh for full in ("FULL=", "FULL=0", "FULL=no", "FULL=false")] == [False] * 4
    assert not project.built().is_full_refresh
    assert not project.built("LIFTHOUSE_WAREHOUSE=").is_full_refresh
    assert [project.built(full).is_full_refresh for full in ("FULL=1", "FULL=yes")] == [True] * 2
    assert project.built("LIFTHOUSE_WAREHOUSE=warehouse/my shop/lifthouse.duckdb").is_full_refresh
    project.write("warehouse/it's/lifthouse.duckdb")
    assert not project.built("LIFTHOUSE_WAREHOUSE=warehouse/it's/lifthouse.duckdb").is_full_refresh


def test_clean_leaves_data_and_warehouses_of_ones_own(project: Project):
    made = [
        "data/demo/events/1.parquet",
        "data/.demo.4711.new/events/1.parquet",
        "warehouse/lifthouse.duckdb",
        "warehouse/lifthouse.duckdb.wal",
        "warehouse/marts.duckdb",
        "warehouse/marts.duckdb.next",
        "warehouse/report.html",
        "warehouse/features/feature_users/as_of_date=2026-04-01/1.parquet",
        "target/manifest.json",
        "logs/dbt.log",
    ]
    own = [
        "data/mine/events.csv",
        "data/mine/vars.yml",
        "data/demonstration/events.csv",
        "warehouse/mine/lifthouse.duckdb",
        "warehouse/mine/marts.duckdb",
        "warehouse/mine/features/feature_users/as_of_date=2026-04-01/1.parquet",
        "warehouse/mine.duckdb",
        "warehouse/lifthouse.duckdb.backup",
    ]
    for name in [*made, *own]:
        project.write(name)
    assert project.make("clean").returncode == 0
    assert [name for name in made if (project.folder / name).exists()] == []
    assert [name for name in own if not (project.folder / name).exists()] == []
    assert not (project.folder / ".venv").exists()
