"""How tests are given to processes: what several files share is built once, and the longest work begins first."""

import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

PROJECT = Path(__file__).parents[1]
# Fixtures that cost minutes: the files that ask for one of them are one piece of work, in one process.
SHARED_FIXTURE = re.compile(r"\b(demo_warehouse|small_shop|query)[,:)]")
# Pieces that take longest. All others come after them and fill the gaps.
LONGEST_FIRST = [
    "demo_warehouse",
    "tests/warehouse/test_daily_runs.py",
    "small_shop",
    "tests/warehouse/test_settled_experiments.py",
    "tests/warehouse/test_public_experiments.py",
    "tests/warehouse/test_recipes.py",
    "tests/warehouse/test_daily_effects.py",
    "tests/warehouse/test_aa_experiments.py",
    "tests/warehouse/test_accounting.py",
    "tests/causal/test_lalonde.py",
    "tests/causal/test_refutations.py",
    "tests/causal/test_placebos.py",
    "tests/warehouse/test_registry.py",
    "tests/warehouse/test_registered_metrics.py",
    "tests/warehouse/test_staging.py",
    "tests/uplift/test_evaluation.py",
]


@functools.cache
def piece_of_work(file: str) -> str:
    """The shared fixture that a file of tests asks for, or the file, if it asks for none."""
    shared = SHARED_FIXTURE.search((PROJECT / file).read_text())
    return shared.group(1) if shared else file


class PieceScheduling(LoadScopeScheduling):
    """Gives the tests of a piece of work to one process, in their order."""

    def _split_scope(self, nodeid: str) -> str:
        return piece_of_work(nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Callable[..., Any]) -> PieceScheduling:
    return PieceScheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {piece: place for place, piece in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(piece_of_work(item.nodeid.partition("::")[0]), len(places)))
