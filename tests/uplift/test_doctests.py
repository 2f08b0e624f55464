import doctest
import importlib
import pkgutil

import pytest

import lifthouse.uplift

MODULES = [module.name for module in pkgutil.iter_modules(lifthouse.uplift.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"lifthouse.uplift.{name}")).failed == 0
