"""How numbers are written for people."""

from __future__ import annotations

NONE = "\N{EN DASH}"


def amount(value: float | None) -> str:
    """Write a number with the digits that matter.

    Example:
        >>> amount(2713512.9), amount(12.2049), amount(0.08214), amount(1234)
        ('2.71 M', '12.2', '0.0821', '1,234')

    """
    if value is None:
        return NONE
    for size, unit in ((1e9, " bn"), (1e6, " M"), (1e5, " k")):
        if abs(value) >= size:
            scaled = value / (1e3 if unit == " k" else size)
            return f"{scaled:,.3g}{unit}" if abs(scaled) < 1000 else f"{scaled:,.0f}{unit}"
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def change(value: float | None, digits: int = 1) -> str:
    """Write a relative change.

    Example:
        >>> change(0.0931), change(-0.5), change(-0.0001)
        ('+9.3%', '-50.0%', '0.0%')

    """
    if value is None:
        return NONE
    rounded = round(value, digits + 2)
    return f"{rounded:+.{digits}%}" if rounded else f"{0:.{digits}%}"


def share(value: float | None, digits: int = 1) -> str:
    """Write a share of a whole.

    Example:
        >>> share(0.5), share(1 / 3, 0)
        ('50.0%', '33%')

    """
    return NONE if value is None else f"{value:.{digits}%}"


def p_value(value: float | None) -> str:
    """Write a p-value.

    Example:
        >>> p_value(1e-9), p_value(0.0575)
        ('<0.001', '0.058')

    """
    if value is None:
        return NONE
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def words(code: str) -> str:
    """Write a code as words, and words as they are.

    Example:
        >>> words("no_worthwhile_effect"), words("see fct_treatment_effects")
        ('no worthwhile effect', 'see fct_treatment_effects')

    """
    return code if " " in code else code.replace("_", " ")
