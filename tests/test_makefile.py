"""What `make` gives dbt, and what it removes, with commands in dbt's place that only say how they were called."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Project:
    """A project whose packages seem to be installed."""

    folder: Path

    def make(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("LIFTHOUSE_", "MAKE"))}
        command = ["make", "--no-print-directory", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

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
    project.write(".venv/installed")
    return project


def test_clean_leaves_data_and_warehouses_of_ones_own(project: Project):
    made = [
        "data/demo/events/1.parquet",
        "data/.demo.4711.new/events/1.parquet",
        "warehouse/lifthouse.duckdb",
        "warehouse/lifthouse.duckdb.wal",
        "warehouse/marts.duckdb",
        "warehouse/marts.duckdb.next",
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
