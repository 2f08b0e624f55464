"""Integrals cut into panels where something changes, so that the narrow is seen beside the wide."""

from __future__ import annotations

import numpy as np

from lifthouse.statistics.reasons import Floats

# Standard deviations at which a distribution is cut; nothing is integrated beyond the last ones.
CUTS = np.array([-7.0, -2.5, 0.0, 2.5, 7.0])
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(10)
NODES_A_PANEL = len(_NODES)


def panelled(breaks: Floats) -> tuple[Floats, Floats]:
    """Nodes and weights of Gauss and Legendre between neighbouring breaks.

    Args:
        breaks: Ends of the panels, ascending, shape (..., 1 + panels); panels may be empty.

    Returns:
        Nodes and weights, each of shape (..., panels * NODES_A_PANEL).

    Example:
        >>> nodes, weights = panelled(np.array([0.0, 1.0, 3.0]))
        >>> float((nodes**2 @ weights).round(12))
        9.0

    """
    middle, half = (breaks[..., 1:] + breaks[..., :-1]) / 2, np.diff(breaks) / 2
    shape = (*breaks.shape[:-1], -1)
    nodes = middle[..., None] + half[..., None] * _NODES
    return nodes.reshape(shape), (half[..., None] * _WEIGHTS).reshape(shape)
