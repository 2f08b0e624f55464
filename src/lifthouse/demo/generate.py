"""The whole dataset: chunks of users, drawn and written one after the other."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa

from lifthouse.demo.calendar import Window, data_window
from lifthouse.demo.catalogue import Catalogue, build_catalogue
from lifthouse.demo.criteo import EXPERIMENT as CRITEO
from lifthouse.demo.criteo import CriteoRates, criteo_effects, draw_criteo, solve_criteo_rates
from lifthouse.demo.dirt import soil
from lifthouse.demo.effects import effect_table
from lifthouse.demo.events import by_load_day, concatenate, numbered
from lifthouse.demo.exposures import exposure_table
from lifthouse.demo.ids import id_strings
from lifthouse.demo.saas import draw_saas
from lifthouse.demo.saas_truth import SaasRates, saas_effects, solve_saas_rates
from lifthouse.demo.shop import draw_shop
from lifthouse.demo.shop_effects import shop_effects
from lifthouse.demo.shop_truth import ShopRates, solve_rates
from lifthouse.demo.users import UnitEffects
from lifthouse.demo.write import MANIFEST, DemoError, ParquetFiles, replacing

GENERATOR_VERSION = 1
SMALLEST_USERS, LARGEST_USERS = 1_000, 99_999_999
SMALLEST_DAYS, LARGEST_DAYS = 30, 1_000
_USER_DAYS_A_CHUNK = 2_200_000  # about 2.6 million events
_SHOP_SHARE = 0.7
_UNIT_DIGITS = 8


class DemoSizeError(DemoError):
    """The number of users or days, or the seed, is out of range."""


@dataclass(frozen=True)
class World:
    """What all chunks share: the arguments, the items shown and the rates behind the planted effects."""

    days: int
    seed: int
    window: Window
    catalogue: Catalogue
    shop: ShopRates
    saas: SaasRates
    criteo: CriteoRates


@dataclass(frozen=True)
class Chunk:
    """Everything drawn for one run of consecutive users: tables by file name, and counts for the manifest."""

    tables: list[tuple[str, pa.Table]]
    counts: dict[str, int]
    contaminated: dict[str, int]
    next_event: int


def build_world(days: int, seed: int) -> World:
    """Solve the rates for the planted effects and draw the catalogue."""
    catalogue = build_catalogue(np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(0,))))
    return World(
        days,
        seed,
        data_window(days),
        catalogue,
        solve_rates(catalogue.mean_price),
        solve_saas_rates(),
        solve_criteo_rates(),
    )


def chunk_sizes(users: int, days: int) -> Iterator[tuple[int, int]]:
    """Yield first user and number of users of each chunk.

    Chunks are about equal, and how large they may get depends on `days` alone.
    """
    n_chunks = math.ceil(users * days / _USER_DAYS_A_CHUNK)
    edges = [users * number // n_chunks for number in range(n_chunks + 1)]
    for first, end in pairwise(edges):
        yield first, end - first


def draw_chunk(world: World, number: int, first_user: int, n_users: int, first_event: int) -> Chunk:
    """Draw chunk `number`: the users from `first_user` on, their events numbered from `first_event` on."""
    seeds = np.random.SeedSequence(world.seed, spawn_key=(1, number)).spawn(4)
    shop_rng, saas_rng, criteo_rng, dirt_rng = (np.random.default_rng(seed) for seed in seeds)
    numbers = np.arange(first_user + 1, first_user + n_users + 1)
    user_ids, unit_ids = (id_strings(prefix, numbers, _UNIT_DIGITS) for prefix in ("u", "c"))

    n_shop = round(_SHOP_SHARE * n_users)
    shop = draw_shop(shop_rng, user_ids[:n_shop], world.window, world.catalogue, world.shop)
    saas = draw_saas(saas_rng, user_ids[n_shop:], n_shop, world.window, world.saas)
    device = np.concatenate([shop.device, saas.device])
    clean = numbered(concatenate(shop.events + saas.events), first_event, device)
    events, dirt = soil(dirt_rng, clean)
    observations, criteo_effect = draw_criteo(criteo_rng, unit_ids, world.criteo)
    exposures = shop.exposures + saas.exposures
    everyone = np.arange(n_users, dtype=np.int32)
    unit_effects = [_unit_effect_table(of, user_ids) for of in shop.unit_effects + saas.unit_effects]
    for metric, effect in criteo_effect.items():
        of_units = UnitEffects(CRITEO, "treatment", metric, everyone, effect)
        unit_effects.append(_unit_effect_table(of_units, unit_ids))
    by_day = by_load_day(events, user_ids, world.catalogue.ids)
    return Chunk(
        tables=[
            *((_event_file(part.day), part.table) for part in by_day),
            ("users.parquet", pa.concat_tables([shop.users, saas.users])),
            ("exposures.parquet", pa.concat_tables(exposure_table(of, device, user_ids) for of in exposures)),
            ("observations.parquet", observations),
            ("truth/unit_effects.parquet", pa.concat_tables(unit_effects)),
        ],
        counts={
            "events_written": len(events),
            "duplicates": dirt.duplicates,
            "malformed": dirt.malformed,
            "late_events": dirt.late,
        },
        contaminated={of.experiment.experiment_id: of.contaminated for of in exposures},
        next_event=first_event + len(clean) + dirt.malformed,
    )


def _event_file(day: int) -> str:
    return f"events/{date(1970, 1, 1) + timedelta(days=day)}.parquet"


def generate_demo(out: Path, users: int, days: int, seed: int, progress: Callable[[str], None]) -> None:
    """Write the demo dataset to the folder `out`, in place of an earlier one.

    The same users, days and seed give the same tables. Memory does not grow with `users`.
    """
    _check_size(users, days, seed)
    world = build_world(days, seed)
    with replacing(out) as folder:
        with ParquetFiles(folder) as files:
            files.append("items.parquet", world.catalogue.table)
            counts = _write_chunks(files, world, users, progress)
            effects = shop_effects(world.shop) + saas_effects(world.saas) + criteo_effects(world.criteo)
            files.append("truth/effects.parquet", effect_table(effects))
        manifest = {
            "generator_version": GENERATOR_VERSION,
            "users": users,
            "days": days,
            "seed": seed,
            **counts,
        }
        (folder / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")


def _check_size(users: int, days: int, seed: int) -> None:
    if not SMALLEST_USERS <= users <= LARGEST_USERS:
        raise DemoSizeError(
            f"users = {users:,}, must be from {SMALLEST_USERS:,} (fewer show no effect) to {LARGEST_USERS:,}"
        )
    if not SMALLEST_DAYS <= days <= LARGEST_DAYS:
        raise DemoSizeError(
            f"days = {days:,}, must be from {SMALLEST_DAYS} (the longest experiment) to {LARGEST_DAYS:,}"
        )
    if seed < 0:
        raise DemoSizeError(f"seed = {seed}, must be 0 or more")


def _write_chunks(
    files: ParquetFiles, world: World, users: int, progress: Callable[[str], None]
) -> dict[str, int | dict[str, int]]:
    """Draw and write all users, no more than one chunk in memory, and return the manifest's counts."""
    counts: Counter[str] = Counter()
    contaminated: Counter[str] = Counter()
    next_event = 1
    for number, (first_user, n_users) in enumerate(chunk_sizes(users, world.days)):
        chunk = draw_chunk(world, number, first_user, n_users, next_event)
        for name, table in chunk.tables:
            files.append(name, table)
        counts.update(chunk.counts)
        contaminated.update(chunk.contaminated)
        next_event = chunk.next_event
        del chunk, table
        progress(f"demo: {first_user + n_users:,} of {users:,} users, {counts['events_written']:,} events")
    return {**counts, "contaminated_users": dict(contaminated)}


def _unit_effect_table(effects: UnitEffects, unit_ids: pa.Array) -> pa.Table:
    n = len(effects.unit)
    return pa.table(
        {
            "experiment_id": pa.repeat(effects.experiment_id, n),
            "variant_id": pa.repeat(effects.variant_id, n),
            "metric_name": pa.repeat(effects.metric_name, n),
            "unit_id": unit_ids.take(pa.array(effects.unit)),
            "true_effect": effects.true_effect,
        }
    )
