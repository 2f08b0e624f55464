"""Fixtures of the bandits' tests."""

from tests.warehouse.conftest import public_data

__all__ = ["public_data"]
