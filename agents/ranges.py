"""What the numbers of an agent may be."""

import math

ABOVE_0 = math.ulp(0.0)
ENDLESS = math.inf


def check_ranges(agent: object, **ranges: tuple[float, float]) -> None:
    """Check that every attribute named lies in its range (least, most), both included; of a list, each of its values.

    Raises:
        ValueError: naming the first attribute that does not, its value and its range. NaN lies in no range, infinity
            neither.
    """
    for name, (least, most) in ranges.items():
        value = getattr(agent, name)
        values = list(value) if isinstance(value, list | tuple) else [value]
        if not values or not all(least <= one <= most and math.isfinite(one) for one in values):
            raise ValueError(f"{name} is {value}; give {_in_words(least, most)}{' each' if len(values) > 1 else ''}")


def _in_words(least: float, most: float) -> str:
    if most == ENDLESS:
        return "a number above 0" if least == ABOVE_0 else f"a number of {least:g} or more"
    return f"a number above 0, up to {most:g}" if least == ABOVE_0 else f"a number from {least:g} to {most:g}"
