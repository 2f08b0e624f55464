"""Runs dbt commands in processes forked from one that has dbt imported and the project parsed.

A command of its own spends ten seconds on both before it begins, and a run of the tests gives two hundred commands.
"""

import functools
import gc
import hashlib
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

import lifthouse.results

PROJECT = Path(__file__).parents[2]
# What models look at only when they run, so that the project is parsed the same whatever it is.
VARS_OF_RUNS = {
    "input_folder",
    "input_relations",
    "max_quarantined_share",
    "session_timeout_minutes",
    "uplift_metrics",
}
# What Python models import when they run, besides the modules of lifthouse.results.
LIBRARIES = ("lightgbm", "scipy.optimize", "scipy.stats", "sklearn.linear_model", "sklearn.tree", "threadpoolctl")


@functools.cache
def server() -> "subprocess.Popen[str]":
    """The process that forks; it ends with this one, when its input does."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.warehouse.dbt_server"],
        cwd=PROJECT,
        # Leaks are of commands that have ended, whose process is gone with all it held. Users read what numpy warns of.
        env=os.environ | {"PYTHONWARNINGS": "ignore:resource_tracker,error::RuntimeWarning"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run_dbt(arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """The exit code and the output of `dbt <arguments>`."""
    with tempfile.NamedTemporaryFile() as printed:
        request = {"arguments": arguments, "environment": environment, "printed": printed.name}
        returncode = run_alone(**request) if arguments[0] == "parse" else run_by_server(request)
        return returncode, Path(printed.name).read_text()


def run_alone(arguments: list[str], environment: dict[str, str], printed: str) -> int:
    """Run the command in a process that parses by itself: that needs threads, which a forked one has not."""
    command = [str(Path(sys.executable).with_name("dbt")), *arguments]
    with Path(printed).open("w") as output:
        return subprocess.run(command, env=environment, stdout=output, stderr=output, check=False).returncode


def run_by_server(request: dict[str, Any]) -> int:
    process = server()
    assert process.stdin is not None
    assert process.stdout is not None
    print(json.dumps(request), file=process.stdin, flush=True)
    return int(process.stdout.readline())


def manifest_for(arguments: list[str], environment: dict[str, str]) -> Manifest | None:
    """The project as parsed for these vars and this registry; none if it can't be parsed."""
    given: dict[str, Any] = json.loads(arguments[arguments.index("--vars") + 1])
    variables = {name: value for name, value in given.items() if name not in VARS_OF_RUNS}
    registry = environment.get("LIFTHOUSE_REGISTRY", "seeds")
    return parsed(json.dumps(variables, sort_keys=True), registry, digest_of_registry(PROJECT / registry))


def digest_of_registry(folder: Path) -> str:
    """What is parsed of a registry: its YAML and the names of its tables, whose rows are read when they are loaded."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(path.name.encode())
        if path.suffix != ".csv":
            digest.update(path.read_bytes())
    return digest.hexdigest()


@functools.lru_cache(maxsize=4)
def parsed(variables: str, registry: str, _digest: str) -> Manifest | None:
    """The project's manifest, which no command forked afterwards has to parse again; none if it can't be parsed."""
    os.environ["LIFTHOUSE_REGISTRY"] = registry
    # A folder for all, so that for the same vars and place only what has changed since the last time is parsed again.
    folder = target_folder().name
    outcome = dbtRunner().invoke(
        ["--log-level", "none", "parse", "--vars", variables, "--target-path", folder, "--log-path", folder]
    )
    return outcome.result if outcome.success else None


@functools.cache
def target_folder() -> "tempfile.TemporaryDirectory[str]":
    """A folder that is gone when this process ends."""
    return tempfile.TemporaryDirectory()


def run_here(arguments: list[str], environment: dict[str, str], printed: str, manifest: Manifest) -> int:
    """Run the command in this process, which is the command's alone."""
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(printed, os.O_WRONLY | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)
    outcome = dbtRunner(manifest=manifest).invoke(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    return 0 if outcome.success else 2 if outcome.exception else 1


def import_what_models_import() -> None:
    """Import once what every build would. Nothing is fitted here: OpenMP's threads would be missing in the forks."""
    results = (module.name for module in pkgutil.iter_modules(lifthouse.results.__path__, "lifthouse.results."))
    for name in (*LIBRARIES, *results):
        importlib.import_module(name)


def main() -> None:
    """Serve requests, one a line, until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what parsing prints is no answer
    import_what_models_import()
    for line in sys.stdin:
        request = json.loads(line)
        manifest = manifest_for(request["arguments"], request["environment"])
        if manifest is None:
            print(run_alone(**request), file=answers, flush=True)
            continue
        gc.freeze()  # a collection in the child would copy every page it looks at
        child = os.fork()
        if child == 0:
            code = 2
            try:
                code = run_here(**request, manifest=manifest)
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


if __name__ == "__main__":
    main()
