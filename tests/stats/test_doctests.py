import doctest
import importlib
import pkgutil

import pytest

import lifthouse.bandits
import lifthouse.statistics

PACKAGES = [lifthouse.statistics, lifthouse.bandits]
MODULES = [
    f"{package.__name__}.{module.name}" for package in PACKAGES for module in pkgutil.iter_modules(package.__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
