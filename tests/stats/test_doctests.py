import doctest
import importlib
import pkgutil

import pytest

import lifthouse.statistics

MODULES = [module.name for module in pkgutil.iter_modules(lifthouse.statistics.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(f"lifthouse.statistics.{name}")).failed == 0
