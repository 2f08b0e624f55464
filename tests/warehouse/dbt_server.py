"""Runs dbt commands in processes forked from one that has dbt imported and the project parsed.

A command of its own spends ten seconds on both before it begins, and a run of the tests gives two hundred commands.
"""

import functools
import gc
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest

PROJECT = Path(__file__).parents[2]


@functools.cache
def server() -> "subprocess.Popen[str]":
    """The process that forks; it ends with this one, when its input does."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.warehouse.dbt_server"],
        cwd=PROJECT,
        # Of commands that have ended, whose process is gone with all it held.
        env=os.environ | {"PYTHONWARNINGS": "ignore:resource_tracker"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def run_dbt(arguments: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """The exit code and the output of `dbt <arguments>`."""
    # Parsing needs threads that a forked process has not: a command that parses, because that is its purpose or because
    # its own registry may bring other metrics, has a process of its own.
    if arguments[0] == "parse" or environment.get("LIFTHOUSE_REGISTRY", "seeds") != "seeds":
        command = [str(Path(sys.executable).with_name("dbt")), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr
    process = server()
    assert process.stdin is not None
    assert process.stdout is not None
    with tempfile.NamedTemporaryFile() as printed:
        request = {"arguments": arguments, "environment": environment, "printed": printed.name}
        print(json.dumps(request), file=process.stdin, flush=True)
        returncode = int(process.stdout.readline())
        return returncode, Path(printed.name).read_text()


def manifest_for(arguments: list[str]) -> Manifest:
    """The project as parsed for these vars."""
    variables: dict[str, Any] = json.loads(arguments[arguments.index("--vars") + 1])
    variables.pop("input_folder")  # where rows are is asked when they are read
    return parsed(json.dumps(variables, sort_keys=True))


@functools.cache
def parsed(variables: str) -> Manifest:
    """The project's manifest, which no command forked afterwards has to parse again."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = dbtRunner().invoke(
            ["--quiet", "parse", "--vars", variables, "--target-path", folder, "--log-path", folder]
        )
    assert isinstance(outcome.result, Manifest), outcome.exception
    return outcome.result


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


def main() -> None:
    """Serve requests, one a line, until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what parsing prints is no answer
    for line in sys.stdin:
        request = json.loads(line)
        manifest = manifest_for(request["arguments"])
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
