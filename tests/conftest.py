"""How tests are dealt to processes: those that share what takes minutes to make stay together, and begin first."""

import pytest

MADE_ONCE = ("demo_warehouse", "small_shop", "demo")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests by the warehouse that they share, else by their file; groups that build warehouses come first."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        group = next((name for name in MADE_ONCE if name in fixtures), item.location[0])
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=lambda item: not item.location[0].startswith("tests/warehouse/"))
