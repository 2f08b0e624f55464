"""Generation as a whole: the same again, in chunks, all or nothing, from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from lifthouse.cli import main
from lifthouse.demo import generate
from lifthouse.demo.generate import build_world, chunk_sizes, draw_chunk, generate_demo


def silent(_: str) -> None:
    pass


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.parquet"))


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generate, "_USER_DAYS_A_CHUNK", 1_000 * 30)


@pytest.mark.usefixtures("small_chunks")
def test_same_arguments_give_the_same_tables(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        generate_demo(tmp_path / name, 2_500, 30, seed, silent)
    assert files_in(tmp_path / "one") == files_in(tmp_path / "again")
    for file in files_in(tmp_path / "one"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "again" / file).read_bytes(), file
    manifests = [(tmp_path / name / "truth" / "manifest.json").read_text() for name in ("one", "again")]
    assert manifests[0] == manifests[1]
    for file in ("users.parquet", "exposures.parquet", "items.parquet", "events/2026-03-16.parquet"):
        assert not pq.read_table(tmp_path / "one" / file).equals(pq.read_table(tmp_path / "other" / file))


@pytest.mark.usefixtures("small_chunks")
def test_chunks_join_without_seams(tmp_path: Path) -> None:
    lines: list[str] = []
    generate_demo(tmp_path / "demo", 2_500, 30, 1, lines.append)
    assert [line.split(" users")[0] for line in lines] == [
        "demo: 833 of 2,500",
        "demo: 1,666 of 2,500",
        "demo: 2,500 of 2,500",
    ]
    users = pq.read_table(tmp_path / "demo" / "users.parquet")["user_id"].to_pylist()
    assert users == [f"u{number:08d}" for number in range(1, 2_501)]
    events = duckdb.sql(
        f"select count(distinct event_id) as ids, max(event_id) as last, "
        f"count(distinct (event_id, user_id, occurred_at)) as contents "
        f"from '{tmp_path}/demo/events/*.parquet' where event_id is not null"
    ).df()
    assert events["ids"][0] == events["contents"][0]
    assert events["ids"][0] <= int(events["last"][0][1:]) <= events["ids"][0] + 50


def test_a_chunk_does_not_depend_on_those_before_it() -> None:
    first, again = (
        draw_chunk(build_world(30, 1), number=3, first_user=3_000, n_users=1_000, first_event=77) for _ in range(2)
    )
    for (name, table), (same_name, same_table) in zip(first.tables, again.tables, strict=True):
        assert name == same_name
        pd.testing.assert_frame_equal(table.to_pandas(), same_table.to_pandas())


def test_chunks_stay_as_small_however_many_users() -> None:
    def largest(users: int, days: int) -> int:
        sizes: Iterator[tuple[int, int]] = chunk_sizes(users, days)
        return max(n_users for _, n_users in sizes)

    assert largest(10_000_000, 44) == largest(100_000, 44) == 50_000
    assert largest(10_000_000, 440) == 5_000
    assert sum(n_users for _, n_users in chunk_sizes(123_456, 44)) == 123_456
    assert list(chunk_sizes(50_001, 44)) == [(0, 25_000), (25_000, 25_001)]


def test_more_days_reach_further_back(tmp_path: Path) -> None:
    generate_demo(tmp_path / "demo", 1_000, 90, 1, silent)
    days = sorted(path.stem for path in (tmp_path / "demo" / "events").iterdir())
    assert days[0] == "2026-01-01"
    early = duckdb.sql(
        f"select count(*) as n from '{tmp_path}/demo/events/*.parquet' "
        f"inner join '{tmp_path}/demo/users.parquet' as users using (user_id) "
        "where occurred_at between timestamp '2000-01-01' and signed_up_at"
    ).df()
    assert early["n"][0] == 0


def test_a_failure_leaves_the_old_folder_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "demo"
    generate_demo(out, 1_000, 30, 1, silent)
    before = (out / "truth" / "manifest.json").read_bytes()

    def fail(_: object) -> None:
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(generate, "effect_table", fail)
    with pytest.raises(RuntimeError, match="disk on fire"):
        generate_demo(out, 1_000, 30, 2, silent)
    assert (out / "truth" / "manifest.json").read_bytes() == before
    assert list(tmp_path.iterdir()) == [out]


def test_a_failing_swap_puts_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "demo"
    generate_demo(out, 1_000, 30, 1, silent)
    rename = Path.rename

    def fail_for_new(path: Path, target: Path) -> Path:
        if path.name.endswith(".new"):
            raise OSError("no space left")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail_for_new)
    with pytest.raises(OSError, match="no space left"):
        generate_demo(out, 1_000, 30, 2, silent)
    assert json.loads((out / "truth" / "manifest.json").read_text())["seed"] == 1
    assert list(tmp_path.iterdir()) == [out]


def test_a_new_dataset_replaces_the_old_one_whole(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    generate_demo(out, 1_000, 30, 1, silent)
    (out / "events" / "2020-01-01.parquet").write_bytes(b"left over")
    generate_demo(out, 1_000, 30, 2, silent)
    assert json.loads((out / "truth" / "manifest.json").read_text())["seed"] == 2
    assert not (out / "events" / "2020-01-01.parquet").exists()
    assert list(tmp_path.iterdir()) == [out]


def test_command_writes_the_data_and_reports_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["demo", "--out", str(tmp_path / "deep" / "demo"), "--users", "1000", "--days", "30", "--seed", "3"])
    assert code == 0
    assert (tmp_path / "deep" / "demo" / "users.parquet").exists()
    assert capsys.readouterr().err.startswith("demo: 1,000 of 1,000 users, ")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--users", "999"], "users = 999, must be from 1,000"),
        (["--users", "100000000"], "users = 100,000,000, must be"),
        (["--days", "29"], "days = 29, must be from 30"),
        (["--seed", "-1"], "seed = -1, must be 0 or more"),
    ],
)
def test_bad_arguments_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    assert main(["demo", "--out", str(tmp_path / "demo"), *arguments]) == 2
    error = capsys.readouterr().err
    assert reason in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_what_is_not_demo_data_is_not_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "thesis.txt").write_text("ten years of work")
    assert main(["demo", "--out", str(tmp_path), "--users", "1000"]) == 2
    assert "won't replace" in capsys.readouterr().err
    assert (tmp_path / "thesis.txt").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--help"], "write demo data with a known truth"),
        (["demo", "--help"], "number of users, at least 1000 (default: 40000)"),
    ],
)
def test_help_says_what_it_does(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(arguments)
    assert said in " ".join(capsys.readouterr().out.split())
