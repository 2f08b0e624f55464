"""Readers of the published marts see the last good build whole, whatever happens to the next one."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.conftest import PROJECT, WITHOUT_TESTS, WITHOUT_UNIT_TESTS, Run, Warehouse
from tests.warehouse.dbt_server import run_dbt
from tests.warehouse.small_shop import EVENTS, GOOD, write_input
from tests.warehouse.test_daily_runs import differences, run, unpublished

NEXT_DAY = """\
e11,bob,click,2026-03-18 10:00:00,2026-03-18 12:00:00,lamp,,phone
e12,bob,purchase,2026-03-18 10:01:00,2026-03-18 12:00:00,lamp,20.5,phone
e13,cat,impression,2026-03-17 08:20:00,2026-03-18 12:00:00,lamp,,phone
e12,bob,purchase,2026-03-18 10:01:00,2026-03-18 12:00:00,lamp,20.5,phone
"""

SECOND_DAY = GOOD | {"events.csv": EVENTS + NEXT_DAY}

# Opens the marts as BI does, and says how many events they hold at each line of its input.
READER = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1], read_only=True)
for line in sys.stdin:
    print(connection.execute("select sum(count_events) from fct_sessions").fetchall()[0][0], flush=True)
"""


@dataclass(frozen=True)
class Days:
    """A shop whose first day is published, and what the second day's build made of it while a reader looked on."""

    shop: Warehouse
    first: Path
    second: Warehouse
    read_during_the_build: set[str]
    read_after_the_build: tuple[str, str]


@pytest.fixture(scope="module")
def days(small_shop: Warehouse, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Days]:
    kept = tmp_path_factory.mktemp("kept")
    shop = small_shop
    first = shop.copy_to(kept / "first").folder

    write_input(shop.input_folder, SECOND_DAY)
    read = set()
    with reader(shop.published) as old:
        read.add(old())
        leave_a_log_behind(shop.published)
        with running_build(shop) as (build, printed):
            while build.poll() is None:
                read.add(old())
                time.sleep(0.05)
        assert build.returncode == 0, printed.read_text()
        with reader(shop.published) as new:
            after = (old(), new())
    # What this build has parsed, the next ones need not parse again.
    shutil.copy(shop.folder / "target" / "partial_parse.msgpack", first / "target")
    yield Days(shop, first, shop.copy_to(kept / "second"), read, after)
    put_back(shop, first, GOOD)


@pytest.fixture
def shop(days: Days) -> Warehouse:
    """The first day's warehouse and the second day's input; always in the same place, or dbt would parse anew."""
    put_back(days.shop, days.first, SECOND_DAY)
    return days.shop


def put_back(shop: Warehouse, state: Path, files: dict[str, str | bytes]) -> None:
    shutil.rmtree(shop.folder)
    shutil.copytree(state, shop.folder)
    write_input(shop.input_folder, files)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def reader(published: Path) -> Iterator[Callable[[], str]]:
    """A reader in a process of its own, as DuckDB shares one open file within a process."""
    command = [sys.executable, "-c", READER, str(published)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:

        def count_events() -> str:
            process.stdin.write("\n")
            return process.stdout.readline().strip()

        yield count_events
        process.stdin.close()


def leave_a_log_behind(published: Path) -> None:
    """What a crashed writer of a file leaves beside it: it must not be taken for a log of the next file."""
    with duckdb.connect(str(published.with_name("other.duckdb"))) as other:
        other.execute("pragma disable_checkpoint_on_shutdown")
        other.execute("create table fct_sessions (oops integer)")
    published.with_name("other.duckdb.wal").rename(f"{published}.wal")


@contextmanager
def running_build(shop: Warehouse) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """`dbt build` as it runs, and the file it prints to."""
    command, environment = shop.command("build", *WITHOUT_TESTS)
    printed_to = shop.folder / "printed"
    environment["PYTHONUNBUFFERED"] = "1"
    with (
        printed_to.open("w") as printed,
        subprocess.Popen(command, env=environment, stdout=printed, start_new_session=True) as build,
    ):
        yield build, printed_to


def test_a_reader_keeps_its_file_and_the_next_one_gets_the_new(days: Days):
    assert days.read_during_the_build == {"10"}
    assert days.read_after_the_build == ("10", "13")
    assert sorted(path.name for path in days.second.folder.glob("marts*")) == ["marts.duckdb"]


def killed_when(shop: Warehouse, moment: Callable[[str], bool]) -> str:
    """`dbt build`, killed outright as soon as what it has printed, or the disk, shows that the moment has come."""
    with running_build(shop) as (build, printed):
        while build.poll() is None and not moment(printed.read_text()):
            time.sleep(0.01)
        os.killpg(build.pid, signal.SIGKILL)
        assert build.wait() == -signal.SIGKILL, printed.read_text()
    return printed.read_text()


def test_kill_9_at_any_moment_leaves_the_last_publication_and_the_next_build_right(shop: Warehouse, days: Days):
    published = digest(shop.published)
    staged, log = Path(f"{shop.published}.next"), Path(f"{shop.published}.next.wal")

    def staged_at() -> int:
        return staged.stat().st_mtime_ns if staged.exists() else 0

    moments: dict[str, Callable[[str], bool]] = {
        "events are appended, nothing else": lambda printed: (
            "OK created sql incremental model staging.stg_events ....." in printed
        ),
        "half of the marts are built": lambda printed: "OK created sql incremental model main.fct_user_days" in printed,
        "the copy begins": lambda _: staged_at() > left_at,
        "the copy is under way": lambda _: staged_at() > left_at and log.exists(),
    }
    for name, moment in moments.items():
        # A copy that was begun before is not this build's.
        left_at = staged_at()
        printed = killed_when(shop, moment)
        assert "lifthouse: published" not in printed, name
        assert digest(shop.published) == published, name
        assert (staged_at() > left_at) == ("copy" in name), name

    completed = shop.built(*WITHOUT_UNIT_TESTS)
    assert "lifthouse: published" in completed.output
    assert not staged.exists()
    assert differences(shop, days.second) == {}
    assert digest(shop.published) != published
    assert shop.query_published("select sum(count_events) from fct_sessions") == [(13,)]


def test_a_failing_integrity_test_and_a_partial_build_do_not_publish(shop: Warehouse):
    published = digest(shop.published)
    partial = shop.built("--select", "dim_items", *WITHOUT_TESTS)
    assert "lifthouse: not published, because this was not a whole build: it left out dim_contexts, " in partial.output
    assert digest(shop.published) == published
    # All marts are built, one of them of what the build before left.
    partial = shop.built("--exclude", "int_conversions_credited", *WITHOUT_TESTS)
    assert "because this was not a whole build: it left out int_conversions_credited. " in partial.output
    assert digest(shop.published) == published

    # An event comes with a load time that was read before.
    missed = "e12,bob,click,2026-03-16 11:50:00,2026-03-16 12:00:00,lamp,,desktop\n"
    write_input(shop.input_folder, SECOND_DAY | {"events.csv": EVENTS + NEXT_DAY + missed})
    failed = shop.dbt("build", *WITHOUT_UNIT_TESTS)
    assert failed.returncode != 0
    assert "lifthouse: not published, because of assert_every_input_row_is_accounted_for" in failed.output
    assert f"{shop.published} is as it was." in failed.output
    assert digest(shop.published) == published


def test_a_build_that_leaves_out_rows_succeeds_and_does_not_publish(shop: Warehouse, days: Days):
    published = digest(shop.published)
    said = "lifthouse: not published, because this was not a whole build: it left out rows. "

    assert said in shop.built("--empty", *WITHOUT_UNIT_TESTS).output
    # No table says yet what a sample is to be of: all rows come, as in the build after an empty one.
    assert said in shop.built("--sample", "1 day", *WITHOUT_TESTS).output

    assert digest(shop.published) == published
    assert differences(shop, days.second) == {}


def test_a_failing_guardrail_fails_the_build_but_not_the_readers(shop: Warehouse, tmp_path: Path):
    project = tmp_path / "project"
    kept_out = {"tests", "data", "warehouse", "target", "logs"}
    for path in PROJECT.iterdir():
        if path.is_dir() and path.name not in kept_out and not path.name.startswith("."):
            shutil.copytree(path, project / path.name)
    shutil.copytree(PROJECT / "tests" / "generic", project / "tests" / "generic")
    for name in ("dbt_project.yml", "profiles.yml", "requirements.lock"):
        shutil.copy(PROJECT / name, project)
    guardrail = "{{ config(tags=['guardrail']) }} select * from {{ ref('fct_experiment_units') }}"
    # Without the second dependency dbt would skip all that is built from the units, as after any failing test.
    (project / "tests" / "assert_no_units.sql").write_text(f"-- depends_on: {{{{ ref('fct_profiles') }}}}\n{guardrail}")

    built = built_by(project, shop)
    assert built.returncode != 0
    assert "Failure in test assert_no_units" in built.output
    assert "SKIP=0" in built.output
    assert "lifthouse: published" in built.output
    assert shop.query_published("select sum(count_events) from fct_sessions") == [(13,)]


def built_by(project: Path, shop: Warehouse) -> Run:
    """`dbt build` of a project with other tests than ours."""
    command, environment = shop.command("build", *WITHOUT_UNIT_TESTS, "--exclude", "test_type:generic")
    command = [str(project) if part == str(PROJECT) else part for part in command]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return Run(done.returncode, done.stdout + done.stderr)


def test_the_warehouse_must_not_bear_the_name_of_its_publication(shop: Warehouse):
    command, environment = shop.command("build")
    before = digest(shop.published)
    returncode, output = run_dbt(command[1:], environment | {"LIFTHOUSE_WAREHOUSE": str(shop.published)})
    assert returncode != 0
    assert "must have another name: the published copy beside it is called so" in " ".join(output.split())
    assert digest(shop.published) == before


def test_what_keeps_a_warehouse_from_being_opened_is_said_without_pages_of_functions(warehouse: Warehouse):
    command, environment = warehouse.command("build")

    def said(**changed: str) -> str:
        returncode, output = run_dbt(command[1:], environment | changed)
        assert returncode != 0
        assert "Traceback" not in output
        return " ".join(output.split())

    assert "LIFTHOUSE_CORES == two. Expected: a number of cores such as 2. " in said(LIFTHOUSE_CORES="two")
    assert "LIFTHOUSE_MEMORY == 6. Expected: an amount of memory such as 6GB. " in said(LIFTHOUSE_MEMORY="6")
    for value in ("0", "two", "1.5"):
        found = f"LIFTHOUSE_MODELS_AT_ONCE == {value}. Expected: a whole number of models, at least 1."
        assert found in said(LIFTHOUSE_MODELS_AT_ONCE=value)
    for path in ("~/shop.duckdb", "md:shop"):
        assert "a path of a file on this machine is due" in said(LIFTHOUSE_WAREHOUSE=path)
    below_a_file = said(LIFTHOUSE_WAREHOUSE=f"{PROJECT}/Makefile/shop.duckdb")
    assert f"Not a directory: '{PROJECT}/Makefile/features'" in below_a_file
    assert "a folder that can be written to" in below_a_file
    with duckdb.connect(str(warehouse.path)):
        held = said()
    assert f'Could not set lock on file "{warehouse.path}"' in held
    assert "Expected: a warehouse that nobody else has open, in a folder that can be written to. Wait for the" in held


def test_a_refresh_that_was_not_published_is_published_by_the_next_build(shop: Warehouse):
    write_input(shop.input_folder, GOOD | {"events.csv": EVENTS.replace("e6,bob,click", "e6,bob,purchase")})
    refreshed = shop.dbt("run", "--full-refresh", "--select", "+fct_sessions")
    assert refreshed.returncode == 0, refreshed.output
    assert "fct_sessions" in unpublished(shop)

    run(shop)

    assert unpublished(shop) == set()


def test_a_damaged_publication_is_replaced(shop: Warehouse):
    shop.published.write_bytes(b"not a database")

    run(shop)

    assert unpublished(shop) == set()
