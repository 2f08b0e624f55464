"""The metrics of benchmark `moments`, and the registry that declares them. Imports no package: both sides read it."""

from pathlib import Path

from tests.warehouse import registry_files as texts

# Name, numerator, denominator, covariates. Five means with a covariate each, two proportions, three ratios with the
# numerator and denominator of the period before.
METRICS: list[tuple[str, str, str | None, list[str]]] = [
    *((f"mean_{at}", f"m{at}", None, [f"x{at}"]) for at in range(1, 6)),
    *((f"share_{at}", f"b{at}", None, []) for at in range(1, 3)),
    *((f"ratio_{at}", f"n{at}", f"d{at}", ["pre_n", "pre_d"]) for at in range(1, 4)),
]
# Of the dimensions that lifthouse splits by unless told otherwise.
SEGMENTS = {"device": ["desktop", "phone", "tablet"], "region": ["north", "east", "south", "west"]}
_DATES = "2026-03-01 00:00:00,2026-03-15 00:00:00"
_ROWS = {
    "experiments": texts.EXPERIMENTS + f"benchmark,Ten metrics,randomised,completed,{_DATES},,,\n",
    "experiment_variants": texts.VARIANTS + "benchmark,control,true,0.5,\nbenchmark,treatment,false,0.5,\n",
    "experiment_phases": texts.PHASES,
    "experiment_metrics": texts.METRICS + "".join(f"benchmark,{name},secondary,,,\n" for name, *_ in METRICS),
}


def write_registry(folder: Path) -> None:
    """Write the registry's tables and the metrics' definitions."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in _ROWS.items():
        (folder / f"{name}.csv").write_text(rows)
    columns = [column for _, numerator, denominator, _ in METRICS for column in (numerator, denominator) if column]
    measures = [f"      - {{name: sum_of_{name}, agg: sum, expr: {name}, description: {name}}}" for name in columns]
    metrics = []
    for name, numerator, denominator, covariates in METRICS:
        kind, parts = "simple", f"{{measure: sum_of_{numerator}}}"
        if denominator:
            kind, parts = "ratio", f"{{numerator: {{name: {numerator}}}, denominator: {{name: {denominator}}}}}"
            metrics += [
                _metric(column, "simple", f"{{measure: sum_of_{column}}}") for column in (numerator, denominator)
            ]
        metrics.append(_metric(name, kind, parts, f"covariates: [{', '.join(covariates)}]"))
    known = sorted({covariate for *_, covariates in METRICS for covariate in covariates})
    (folder / "metrics.yml").write_text(
        texts.SEMANTIC_MODEL.format(
            measures="\n".join(measures), covariates=", ".join(known), metrics="\n".join(metrics)
        )
    )


def _metric(name: str, kind: str, parts: str, settings: str = "") -> str:
    described = f"name: {name}, label: {name}, description: {name}"
    return f"  - {{{described}, type: {kind}, type_params: {parts}, config: {{meta: {{experiment: {{{settings}}}}}}}}}"
