"""Every example in a docstring gives what it says."""

import doctest
import importlib
import pkgutil

import pytest

import lifthouse

MODULES = [module.name for module in pkgutil.walk_packages(lifthouse.__path__, "lifthouse.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
