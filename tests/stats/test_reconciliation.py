"""The document's tables are what the functions give."""

from pathlib import Path

import pytest

from lifthouse.statistics.comparison import compare, estimate
from lifthouse.statistics.conventions import delta_relative, log_ratio_relative
from lifthouse.statistics.effects import infer
from tests.stats import peer_inputs as peers

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics" / "reconciliation.md"
CASES = {
    "gb_welch": (peers.GB_WELCH, None),
    "ph_welch": (peers.PH_WELCH, None),
    "gb_ratio": (peers.GB_RATIO, 1),
    "tt_mean": (peers.TEA, None),
    "tt_ratio": (peers.TEA, 1),
}


@pytest.mark.parametrize("case", CASES)
def test_tables(case):
    arms, denominator = CASES[case]
    comparison = compare(*arms, denominator=denominator)
    ours, fieller = infer(comparison), infer(comparison, use_normal=True)
    delta, normal = delta_relative(comparison), delta_relative(comparison, use_normal=True)
    logs = log_ratio_relative(*(estimate(arm, denominator=denominator) for arm in arms))
    bounds = [
        (ours.relative_ci_lower, ours.relative_ci_upper),
        (delta.ci_lower, delta.ci_upper),
        (normal.ci_lower, normal.ci_upper),
        (fieller.relative_ci_lower, fieller.relative_ci_upper),
        (logs.ci_lower, logs.ci_upper),
    ]
    intervals = " | ".join(f"{lower.item():.4f} to {upper.item():.4f}" for lower, upper in bounds)
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    assert f"| {case} | {ours.relative_effect.item():.4f} | {intervals} |" in lines
    assert f"| {case} | {ours.p_value.item():.4f} | {delta.p_value.item():.4f} |" in lines
