import doctest
import importlib
import pkgutil

import pytest

import lifthouse.causal

MODULES = [f"lifthouse.causal.{module.name}" for module in pkgutil.iter_modules(lifthouse.causal.__path__)]
RESULTS = ["lifthouse.results.propensities", "lifthouse.results.treatment_effects"]


@pytest.mark.parametrize("name", [*MODULES, *RESULTS])
def test_examples_run(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0
