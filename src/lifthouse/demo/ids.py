"""Identifiers: a letter and a number padded with zeros, built without a Python loop."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from lifthouse.demo.calendar import Micros

_FOUR_DIGITS = np.array([f"{number:04d}".encode() for number in range(10_000)]).view(np.uint32)


def id_strings(prefix: str, numbers: Micros, digits: int) -> pa.Array:
    """Strings such as u00000012 for `numbers` (n,); a negative number gives null.

    `digits` is a multiple of four and wide enough for the largest number.
    """
    n = len(numbers)
    groups = np.empty((n, digits // 4), dtype=np.uint32)
    rest = np.maximum(numbers, 0)
    for column in range(digits // 4 - 1, -1, -1):
        higher = rest // 10_000
        groups[:, column] = _FOUR_DIGITS[rest - higher * 10_000]
        rest = higher

    text = np.empty((n, 1 + digits), dtype=np.uint8)
    text[:, 0] = ord(prefix)
    text[:, 1:] = groups.view(np.uint8)
    offsets = np.arange(n + 1, dtype=np.int32) * np.int32(1 + digits)
    valid = np.packbits(numbers >= 0, bitorder="little")
    return pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(text), pa.py_buffer(valid))
