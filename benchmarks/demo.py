"""Demo data of about so many events, generated once and kept in .cache/bench."""

import json
import sys
from pathlib import Path

from benchmarks.measure import run, say

PROJECT = Path(__file__).parents[1]
CACHE = PROJECT / ".cache" / "bench"
DAYS = 31
_EVENTS_A_USER_DAY = 1.237


def demo_data(events: int) -> Path:
    """Return the folder with 31 days of demo data."""
    folder = CACHE / f"demo-{events}"
    if not (folder / "truth" / "manifest.json").exists():
        users = max(1_000, round(events / (_EVENTS_A_USER_DAY * DAYS)))
        say(f"generating {events:,} events of {users:,} users into {folder}")
        lifthouse = str(Path(sys.executable).with_name("lifthouse"))
        command = [lifthouse, "demo", "--out", str(folder), "--users", str(users), "--days", str(DAYS)]
        run(command, {}, CACHE / "logs" / f"demo-{events}.log")
    return folder


def count_events(folder: Path) -> int:
    """Return how many event rows were generated."""
    manifest = json.loads((folder / "truth" / "manifest.json").read_text())
    return int(manifest["events_written"])


def load_days(folder: Path) -> list[Path]:
    """Return the event files in order of loading, one a day."""
    return sorted((folder / "events").glob("*.parquet"))
