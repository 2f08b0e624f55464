"""Where the commands find what a build left."""

import os
from pathlib import Path


def warehouse() -> Path:
    """Return the file that builds write: LIFTHOUSE_WAREHOUSE, or the place of the demo's."""
    return Path(os.environ.get("LIFTHOUSE_WAREHOUSE") or "warehouse/lifthouse.duckdb")


def published_marts(named: Path | None) -> Path:
    """Return the published marts that somebody named, or those beside the warehouse.

    Raises:
        FileNotFoundError: If there are none, with what to do.

    """
    marts = named or warehouse().with_name("marts.duckdb")
    if not marts.exists():
        raise FileNotFoundError(
            f"{marts} does not exist: build a warehouse first (make build), or name one with --marts"
        )
    return marts
