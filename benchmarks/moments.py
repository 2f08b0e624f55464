"""Moments and effects of ten metrics of ten million units by tea-tasting and by lifthouse, from the same table."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from benchmarks.demo import CACHE
from benchmarks.measure import GIB, Figure, Run, run, say
from benchmarks.moments_metrics import METRICS, SEGMENTS, write_registry
from benchmarks.warehouse import Warehouse, fresh_warehouse

# `--events` sets the number of units.
EVENTS = 10_000_000
# tea-tasting is no dependency of lifthouse: the interpreter of an environment that has it, if this one has not.
PEER_PYTHON = os.environ.get("LIFTHOUSE_PEER_PYTHON") or sys.executable
_ROUNDS = 3
_TOLERANCE = 1e-6


def measure(units: int) -> list[Figure]:
    """Let dbt build the table of units, then time both in turns, each round in a process of its own."""
    _require_peer()
    warehouse = fresh_warehouse("moments", _units(units))
    warehouse.dbt("seed", "--full-refresh")
    warehouse.dbt("run", "--full-refresh", "--select", "+fct_metric_moments", "+int_experiment_metrics")
    own, peer = [], []
    for _ in range(_ROUNDS):
        own.append(_work(sys.executable, "benchmarks.moments_own", warehouse))
        peer.append(_work(PEER_PYTHON, "benchmarks.moments_peer", warehouse))
    warehouse.drop()
    (by_own, own_seconds, own_peak), (by_peer, peer_seconds, peer_peak) = _summary(own), _summary(peer)
    all_units = median(json.loads(done.output.splitlines()[-1])["all_units"] for done in peer)
    differing = [key for key in by_peer if not _same(by_own[key], by_peer[key])]
    for key in differing:
        say(f"moments: {key} is {by_own[key]} by lifthouse, {by_peer[key]} by tea-tasting")
    name = f"{units:,} units x {len(METRICS)} metrics, all and {sum(map(len, SEGMENTS.values()))} segments"
    return [
        Figure("moments", f"{name}: seconds, lifthouse / tea-tasting", f"{own_seconds:.2f} / {peer_seconds:.2f}"),
        Figure("moments", "lifthouse's seconds, times tea-tasting's", f"{own_seconds / peer_seconds:.2f}", "<= 0.5"),
        Figure("moments", "the same, times tea-tasting's for all units alone", f"{own_seconds / all_units:.2f}"),
        Figure("moments", "peak memory in GiB, lifthouse / tea-tasting", f"{own_peak:.2f} / {peer_peak:.2f}"),
        Figure("moments", f"same effects ({len(by_peer)})", "no" if differing else "yes", "yes"),
    ]


def _require_peer() -> None:
    found = subprocess.run([PEER_PYTHON, "-c", "import ibis, tea_tasting"], capture_output=True, check=False)
    if found.returncode:
        raise SystemExit(
            f"moments: {PEER_PYTHON} has no tea-tasting. `pip install tea-tasting 'ibis-framework[duckdb]'` "
            "in an environment of its own, and set LIFTHOUSE_PEER_PYTHON to its python."
        )


def _units(units: int) -> Path:
    """Return the folder with one experiment as a table of units, and its registry."""
    folder = CACHE / f"moments-units-{units}"
    if not (folder / "observations.parquet").exists():
        say(f"generating {units:,} units into {folder}")
        write_registry(folder / "registry")
        # Noises of a unit: uniform, and the same on each machine.
        noises = ", ".join(f"hash(unit, {at}) / 18446744073709551616.0 as z{at}" for at in range(16))
        with duckdb.connect() as connection:
            connection.execute("set memory_limit = '4GB'; set preserve_insertion_order = false")
            connection.execute(
                f"""
                copy (
                    with noises as (select unit, {noises} from range({units}) as units (unit))
                    select 'benchmark' as experiment_id, cast(unit as varchar) as unit_id,
                        if(z0 < 0.5, 'control', 'treatment') as variant_id,
                        10 * z1 as x1, z2 as x2, 5 * z3 as x3, z4 as x4, z5 as x5,
                        x1 + z6 as m1, x2 + z7 + if(z0 < 0.5, 0, 0.001) as m2, x3 + z8 as m3, x4 + z9 as m4,
                        x5 * z6 as m5, cast(z10 < 0.1 as integer) as b1, cast(z11 < 0.3 as integer) as b2,
                        1 + floor(5 * z12) as d1, 1 + floor(5 * z13) as d2, 1 + floor(5 * z14) as d3,
                        list_extract({SEGMENTS["device"]}, 1 + cast(unit % 3 as integer)) as device,
                        list_extract({SEGMENTS["region"]}, 1 + cast(unit % 4 as integer)) as region,
                        d1 * z7 as n1, d2 * (z8 + if(z0 < 0.5, 0, 0.002)) as n2, d3 * z9 as n3,
                        1 + floor(5 * z15) as pre_d, pre_d * (z7 + z8) as pre_n
                    from noises
                ) to '{folder}/observations.parquet' (format parquet)
                """
            )
    return folder


def _work(python: str, module: str, warehouse: Warehouse) -> Run:
    log = CACHE / "logs" / f"{module.rpartition('.')[2]}.txt"
    done = run([python, "-m", module, str(warehouse.path), str(CACHE / "target")], {}, log)
    say(f"{module.rpartition('.')[2]}: {done.output.splitlines()[-1][:60]}...")
    return done


def _summary(runs: list[Run]) -> tuple[dict[str, list[float]], float, float]:
    """Effects, the median seconds of the rounds, the most memory in GiB."""
    results: list[dict[str, Any]] = [json.loads(done.output.splitlines()[-1]) for done in runs]
    seconds = median(result["seconds"] for result in results)
    return results[-1]["effects"], seconds, max(done.peak_bytes for done in runs) / GIB


def _same(one: list[float], other: list[float]) -> bool:
    return all(math.isclose(left, right, rel_tol=_TOLERANCE) for left, right in zip(one, other, strict=True))
