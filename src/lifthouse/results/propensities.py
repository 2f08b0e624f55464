"""`fct_propensity_scores`: each unit's chance to be treated, fitted on a bounded sample, scored for all."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from lifthouse.causal.covariates import Encoder, usable_covariates
from lifthouse.causal.propensity import Propensity, assign_folds, cross_fit
from lifthouse.causal.weighting import ESTIMANDS, balancing_weights, crump_bound
from lifthouse.results.conditions import is_one_of, literal
from lifthouse.statistics.reasons import Bools, Floats, Ints
from lifthouse.threads import linear_algebra_threads

UNIT_KEYS = ("experiment_id", "unit_id", "variant_id")
# An arm of fewer fitted units can't be cross-fitted: each fold would have next to none.
SMALLEST_ARM = 20
# With fewer units of the smaller arm per column, scores separate arms that overlap (Vittinghoff, McCulloch 2007).
UNITS_PER_COLUMN = 5
SCHEMA = pa.schema(
    [
        ("experiment_id", pa.string()),
        ("treatment_variant_id", pa.string()),
        ("unit_id", pa.string()),
        ("variant_id", pa.string()),
        ("learner", pa.string()),
        ("reason", pa.string()),
        ("propensity", pa.float64()),
        *((f"weight_{estimand}", pa.float64()) for estimand in ESTIMANDS),
        ("fold", pa.int32()),
        ("is_trimmed", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Pair:
    """A treatment and the control it is compared with, in an experiment whose arms nobody assigned at random.

    Attributes:
        experiment_id: The experiment.
        control: Its control variant.
        treatment: One of the others.
        withheld: Why nothing is estimated; None where all is well.

    """

    experiment_id: str
    control: str
    treatment: str
    withheld: str | None

    @property
    def condition(self) -> str:
        """SQL condition of its units.

        Example:
            >>> Pair("survey", "no", "yes", None).condition
            "experiment_id = 'survey' and variant_id in ('no', 'yes')"

        """
        arms = is_one_of("variant_id", [self.control, self.treatment])
        return f"experiment_id = {literal(self.experiment_id)} and {arms}"

    @property
    def scored_condition(self) -> str:
        """SQL condition of the scores to estimate from, or of the reason why there are none."""
        return (
            f"{self.condition} and treatment_variant_id = {literal(self.treatment)} "
            "and (fold is not null or reason is not null)"
        )

    @property
    def seed(self) -> int:
        """Seed of all that is random about it."""
        return zlib.crc32(f"{self.experiment_id}/{self.treatment}".encode())


@dataclass(frozen=True)
class Fitted:
    """What is known of the units that models are fitted on; arrays of shape (n_units,).

    Attributes:
        encoder: How covariates become columns.
        design: Covariates, shape (n_units, n_columns).
        treated: Whether a unit is treated.

    """

    encoder: Encoder
    design: Floats
    treated: Bools

    @classmethod
    def from_table(cls, table: pa.Table, pair: Pair, keys: Sequence[str] = UNIT_KEYS) -> Fitted:
        """Read the rows of a pair: the keys and the covariates."""
        encoder = Encoder.fit(table, usable_covariates(table.schema, keys))
        treated = pc.equal(table["variant_id"], pair.treatment).to_numpy().astype(bool)
        return cls(encoder, encoder.matrix(table), treated)

    @property
    def reason(self) -> str | None:
        """Why nothing can be fitted; None where it can.

        Example:
            >>> units = np.arange(100) % 2 == 0
            >>> Fitted(Encoder((), {}), np.empty((100, 0)), units).reason
            'no_covariates'

        """
        if not self.encoder.columns and self.treated.any() and not self.treated.all():
            return "no_covariates"
        return arms_reason(self.treated, self.design.shape[1])


def arms_reason(treated: Bools, n_columns: int) -> str | None:
    """Why arms of these units (n_units,) are too small to fit so many columns; None where they are not.

    Example:
        >>> arms_reason(np.arange(100) % 2 == 0, 12)
        'too_few_units'

    """
    smaller = min(int(treated.sum()), int((~treated).sum()))
    if smaller == 0:
        return "one_arm"
    if smaller * 4 / 5 <= n_columns + 2:
        return "fewer_units_than_covariates" if smaller >= SMALLEST_ARM else "too_few_units"
    return "too_few_units" if smaller < max(SMALLEST_ARM, UNITS_PER_COLUMN * n_columns) else None


def causal_pairs(
    experiments: pd.DataFrame, variants: pd.DataFrame, blocked: pd.DataFrame, *, also: Sequence[str] = ()
) -> list[Pair]:
    """Pairs to compare: of the experiments that the registry calls observational, and of those named besides.

    Args:
        experiments: Seed `experiments`, all of it.
        variants: Seed `experiment_variants`; an experiment that has none here has no pairs.
        blocked: `int_blocked_experiments`.
        also: Randomised experiments whose assignment is doubted.

    Returns:
        The pairs, in the registry's order.

    """
    reasons = dict(zip(blocked["experiment_id"], blocked["reason"], strict=True))
    chosen = experiments[(experiments["assignment"] == "observational") | experiments["experiment_id"].isin(list(also))]
    pairs = []
    for experiment in chosen["experiment_id"].astype(str):
        arms = variants[variants["experiment_id"] == experiment]
        controls = arms.loc[arms["is_control"], "variant_id"]
        withheld = f"blocked: {reasons[experiment]}" if experiment in reasons else None
        pairs += [
            Pair(experiment, str(control), str(treatment), withheld)
            for control in controls
            for treatment in arms.loc[~arms["is_control"], "variant_id"]
        ]
    return pairs


def scored_units(pair: Pair, scores: Any, covariates: Any, *, most: int) -> pa.Table:
    """Read the units of a pair to estimate from, in an order that is random but always the same.

    Args:
        pair: The pair.
        scores: Relation of `int_propensity_scores`.
        covariates: Relation of `int_unit_covariates`.
        most: At most so many units.

    Returns:
        Keys, score, fold and covariates; where there are no scores, units with the reason as `score_reason`.

    """
    scored = scores.filter(pair.scored_condition).project(
        "experiment_id, unit_id, propensity, fold, is_trimmed, learner, reason as score_reason"
    )
    return (
        scored.join(covariates, "experiment_id, unit_id").order("hash(unit_id), unit_id").limit(most).to_arrow_table()
    )


def of_sampled_units(relation: Any, sample: pa.Table, session: Any) -> pd.DataFrame:
    """Read the rows of a relation that are about units of a sample.

    Args:
        relation: A DuckDB relation of one experiment, with unit_id.
        sample: Units of that experiment, with unit_id.
        session: The connection of the relation.

    Example:
        >>> import duckdb
        >>> session = duckdb.connect()
        >>> everybody = session.sql("select unnest(['a', 'b']) as unit_id, 1 as value")
        >>> of_sampled_units(everybody, pa.table({"unit_id": ["b"]}), session).to_numpy().tolist()
        [['b', 1]]

    """
    session.register("lifthouse_sampled_units", sample.select(["unit_id"]))
    of_units: pd.DataFrame = relation.join(session.sql("from lifthouse_sampled_units"), "unit_id", how="semi").df()
    session.unregister("lifthouse_sampled_units")
    return of_units


def propensity_scores(
    pairs: Sequence[Pair],
    fitted_units: Callable[[Pair], pa.Table],
    all_units: Callable[[Pair, Sequence[str]], Iterable[pa.RecordBatch]],
) -> Iterator[pa.RecordBatch]:
    """Score every unit of every pair.

    Args:
        pairs: The pairs.
        fitted_units: Gives the units to fit on: `UNIT_KEYS` and the covariates.
        all_units: Gives all units in batches: `UNIT_KEYS` and the covariates named.

    Yields:
        `SCHEMA`, one row per pair and unit; one pair at a time is in memory. Weights are stabilised: their mean in an
        arm is one. Units that models were fitted on have a fold, and their score is from the other folds' models; the
        others' is the mean over models. Where scores can't be had, numbers are null and there is a reason.

    """
    for pair in pairs:
        yield from _scores_of(pair, fitted_units(pair), all_units).to_batches()


def _scores_of(
    pair: Pair, table: pa.Table, all_units: Callable[[Pair, Sequence[str]], Iterable[pa.RecordBatch]]
) -> pa.Table:
    fitted = Fitted.from_table(table, pair)
    reason = pair.withheld or fitted.reason
    if reason:
        return pa.concat_tables(
            [SCHEMA.empty_table(), *(_without_scores(pair, batch, reason) for batch in all_units(pair, []))]
        )
    folds = assign_folds(fitted.treated, seed=pair.seed)
    with linear_algebra_threads(len(table)):
        model = cross_fit(fitted.design, fitted.treated, folds, seed=pair.seed)
    known = pd.Index(table["unit_id"].to_numpy(zero_copy_only=False))
    covariates = list(dict.fromkeys(column.covariate for column in fitted.encoder.columns))
    scored = pa.Table.from_batches(
        [_scored(batch, fitted.encoder, model, known, folds) for batch in all_units(pair, covariates)]
    )
    scores = scored["propensity"].to_numpy()
    treated = pc.equal(scored["variant_id"], pair.treatment).to_numpy().astype(bool)
    bound = crump_bound(model.scores)
    columns = {
        **{name: scored[name] for name in ("unit_id", "variant_id", "propensity", "fold")},
        "experiment_id": pa.repeat(pair.experiment_id, len(scored)),
        "treatment_variant_id": pa.repeat(pair.treatment, len(scored)),
        "learner": pa.repeat(model.learner, len(scored)),
        "reason": pa.nulls(len(scored), pa.string()),
        **{f"weight_{name}": pa.array(balancing_weights(scores, treated, name)) for name in ESTIMANDS},
        "is_trimmed": pa.array((scores < bound) | (scores > 1 - bound)),
    }
    return pa.table([columns[name] for name in SCHEMA.names], schema=SCHEMA)


def _scored(
    batch: pa.RecordBatch, encoder: Encoder, model: Propensity, known: pd.Index[str], folds: Ints
) -> pa.RecordBatch:
    """Score a batch, and put the cross-fitted scores in the place of the fitted units'."""
    scores = model.predict(encoder.matrix(batch))
    at = known.get_indexer(batch.column("unit_id").to_numpy(zero_copy_only=False))
    is_fitted = at >= 0
    scores[is_fitted] = model.scores[at[is_fitted]]
    return pa.RecordBatch.from_pydict(
        {
            "unit_id": batch.column("unit_id").cast(pa.string()),
            "variant_id": batch.column("variant_id").cast(pa.string()),
            "propensity": pa.array(scores),
            "fold": pa.array(folds[at].astype(np.int32), mask=~is_fitted),
        }
    )


def _without_scores(pair: Pair, batch: pa.RecordBatch, reason: str) -> pa.Table:
    size = batch.num_rows
    known = {
        "experiment_id": pa.repeat(pair.experiment_id, size),
        "treatment_variant_id": pa.repeat(pair.treatment, size),
        "unit_id": batch.column("unit_id"),
        "variant_id": batch.column("variant_id"),
        "reason": pa.repeat(reason, size),
    }
    return pa.table(
        [known[field.name].cast(field.type) if field.name in known else pa.nulls(size, field.type) for field in SCHEMA],
        schema=SCHEMA,
    )
