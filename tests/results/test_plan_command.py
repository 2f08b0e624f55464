"""`lifthouse plan` on a small file of published marts."""

import shutil
from pathlib import Path

import duckdb
import pytest

from lifthouse.cli import main
from lifthouse.results.planning import Planned, experiment_plans, history_of_metrics
from tests.results.test_power import CONTROLS, DEFINITIONS, VARIANTS, effects


@pytest.fixture
def marts(tmp_path: Path) -> Path:
    path = tmp_path / "marts.duckdb"
    plans = experiment_plans(history_of_metrics(effects(), CONTROLS, DEFINITIONS), Planned(), [7])
    tables = {
        "fct_experiment_effects": effects().assign(inference="fixed"),
        "dim_experiment_variants": VARIANTS,
        "dim_metrics": DEFINITIONS,
        "fct_experiment_plans": plans,
    }
    with duckdb.connect(path) as connection:
        for name, frame in tables.items():
            connection.register("frame", frame)
            connection.execute(f"create table {name} as select * from frame")
    return path


def test_prints_a_table(marts, capsys):
    assert main(["plan", "revenue", "--effect", "0.1", "--days", "10", "--marts", str(marts)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["metric", "history", "days", "units"]
    assert lines[1].split()[:4] == ["revenue", "old", "10", "10,000"]
    assert len(lines) == 2


def test_writes_the_plan_over_that_of_its_metrics_only(marts, capsys):
    before = marts.stat().st_ino
    assert main(["plan", "revenue", "--effect", "0.2", "--days", "5", "3", "5", "--marts", str(marts), "--write"]) == 0
    capsys.readouterr()
    with duckdb.connect(marts, read_only=True) as connection:
        rows = connection.sql(
            "select metric_name, count_days, planned_effect from fct_experiment_plans order by all"
        ).fetchall()
    assert rows == [("revenue", 3, 0.2), ("revenue", 5, 0.2), ("speed", 7, 0.05), ("stays", 7, 0.05)]
    assert marts.stat().st_ino != before, "readers of the old file must not see it change"
    assert [path.name for path in marts.parent.iterdir()] == ["marts.duckdb"]


def test_a_plan_that_can_not_be_written_leaves_nothing_behind(marts, capsys, monkeypatch):
    with duckdb.connect(marts) as connection:
        connection.execute("alter table fct_experiment_plans drop column power")
    assert main(["plan", "revenue", "--marts", str(marts), "--write"]) == 2
    assert "lifthouse plan: " in capsys.readouterr().err
    assert [path.name for path in marts.parent.iterdir()] == ["marts.duckdb"]

    def no_room(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", no_room)
    assert main(["plan", "revenue", "--marts", str(marts), "--write"]) == 2
    assert "No space left on device" in capsys.readouterr().err


def test_a_plan_does_not_undo_what_a_build_publishes_meanwhile(marts, capsys, monkeypatch):
    copy = shutil.copyfile

    def copy_and_publish(source, target):
        copy(source, target)
        copy(source, f"{source}.next")
        Path(f"{source}.next").replace(source)

    monkeypatch.setattr("shutil.copyfile", copy_and_publish)
    assert main(["plan", "revenue", "--effect", "0.2", "--marts", str(marts), "--write"]) == 2
    assert "a build has published" in capsys.readouterr().err
    with duckdb.connect(marts, read_only=True) as connection:
        assert connection.sql("select distinct planned_effect from fct_experiment_plans").fetchall() == [(0.05,)]
    assert [path.name for path in marts.parent.iterdir()] == ["marts.duckdb"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clicks"], "no experiment has measured clicks yet; known are revenue, speed, stays"),
        (["revenue", "--effect", "0"], "effect == 0.0, must be > 0"),
        (["revenue", "--effect", "inf"], "effect == inf, must be > 0 and finite"),
        (["revenue", "--traffic-share", "inf"], "traffic_share == inf, must be > 0 and finite"),
        (["revenue", "--cluster-size", "0.5"], "cluster_size == 0.5, must be >= 1"),
        (["revenue", "--power", "1"], "power == 1.0, must be > 0 and < 1"),
        (["revenue", "--days", "7", "-7"], "days == -7, must be >= 1"),
        (["revenue", "--cluster-size", "inf"], "cluster_size == inf, must be >= 1 and finite"),
        (["revenue", "--intraclass-correlation", "nan"], "intraclass_correlation == nan, must be >= 0"),
    ],
)
def test_says_what_is_wrong(marts, capsys, arguments, message):
    assert main(["plan", *arguments, "--marts", str(marts)]) == 2
    assert message in capsys.readouterr().err


def test_names_the_missing_file(tmp_path, capsys):
    assert main(["plan", "--marts", str(tmp_path / "none.duckdb")]) == 2
    assert "does not exist: build a warehouse first" in capsys.readouterr().err
