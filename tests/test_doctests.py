"""Every example in a docstring gives what it says."""

import doctest
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType

import pytest

import lifthouse

MODULES = [importlib.import_module(module.name) for module in pkgutil.walk_packages(lifthouse.__path__, "lifthouse.")]
WITH_EXAMPLES = [module for module in MODULES if ">>> " in Path(str(module.__file__)).read_text()]


def test_there_are_examples() -> None:
    assert WITH_EXAMPLES


@pytest.mark.parametrize("module", WITH_EXAMPLES, ids=lambda module: module.__name__)
def test_examples_run(module: ModuleType) -> None:
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0
