"""Propensity scores and AIPW on a million units beside the bare library's fits; scoring of ten times as many."""

import sys
from pathlib import Path

from benchmarks.causal_work import COVARIATES
from benchmarks.demo import CACHE
from benchmarks.measure import GIB, Figure, Run, run, say

EVENTS = 1_000_000
_SCORED = 10


def measure(events: int) -> list[Figure]:
    """Measure each work in a process of its own; `events` are units to estimate from."""
    file = CACHE / "causal.duckdb"
    file.unlink(missing_ok=True)
    scored = _SCORED * events
    _work("generate", file, scored)
    estimated, bare, score = (_work(name, file, events) for name in ("estimate", "bare", "score"))
    file.unlink()
    for name, done in (("estimate", estimated), ("bare", bare), ("score", score)):
        say(f"causal: {name} {done.output.strip()}")
    ratio = estimated.seconds / bare.seconds
    return [
        Figure(
            "causal",
            f"{events:,} units x {COVARIATES}: propensity + AIPW, seconds, peak GiB",
            f"{estimated.seconds:.0f}, {estimated.peak_bytes / GIB:.2f}",
        ),
        Figure(
            "causal", "the library's fits alone, seconds, peak GiB", f"{bare.seconds:.0f}, {bare.peak_bytes / GIB:.2f}"
        ),
        Figure("causal", "times as long (5 folds: each row is fitted 4 times, scored once)", f"{ratio:.1f}", "<= 6"),
        Figure(
            "causal",
            f"{scored:,} units scored: seconds, peak GiB",
            f"{score.seconds:.0f}, {score.peak_bytes / GIB:.2f}",
            "memory <= 4",
        ),
    ]


def _work(name: str, file: Path, units: int) -> Run:
    command = [sys.executable, "-m", "benchmarks.causal_work", name, str(file), str(units)]
    return run(command, {}, CACHE / "logs" / f"causal-{name}.txt")
