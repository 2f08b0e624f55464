"""Time and memory of commands and queries."""

import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

GB = 1e9
GIB = 2**30
_POLL_SECONDS = 0.1


@dataclass(frozen=True, order=True)
class Run:
    """A command that ended: its peak memory is that of all its processes together. The faster run is the lesser."""

    seconds: float
    peak_bytes: int
    output: str


@dataclass(frozen=True)
class Figure:
    """One measured number; `goal` says what it should be, empty where it only describes."""

    benchmark: str
    name: str
    value: str
    goal: str = ""


def run(command: list[str], environment: dict[str, str], log: Path) -> Run:
    """Run a command to its end, which must be a good one, with its output in `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    peak = 0
    with log.open("w") as output:
        started = _start()
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=output, stderr=subprocess.STDOUT)
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(_POLL_SECONDS)
        seconds = time.perf_counter() - started
    text = log.read_text()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}\n{text[-5000:]}\nexit code {process.returncode}: {log}")
    return Run(seconds, peak, text)


def _start() -> float:
    """Begin to take time, once all is on the disk that would be written at the expense of what is measured."""
    os.sync()
    return time.perf_counter()


def _memory(pid: int) -> int:
    """Return what a process and its descendants hold now, or what it alone held at most."""
    try:
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    held, most = (int(status.get(key, "0 kB").split()[0]) * 1024 for key in ("VmRSS", "VmHWM"))
    return max(most, held + sum(_memory(int(child)) for child in children))


def alternate(repetitions: int, *tasks: Callable[[], object]) -> list[float]:
    """Median seconds of each task, run in turns so that a busy moment meets them all."""
    seconds: list[list[float]] = [[] for _ in tasks]
    for _ in range(repetitions):
        for task, taken in zip(tasks, seconds, strict=True):
            started = _start()
            task()
            taken.append(time.perf_counter() - started)
    return [median(taken) for taken in seconds]


def disk_bytes(folder: Path) -> int:
    """Size of all files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def say(line: str) -> None:
    """Print now, also into a pipe."""
    print(line, flush=True)
