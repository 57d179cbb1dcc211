"""How quickly something is forgotten."""


def kept_each_step(half_life_steps: float) -> float:
    """Share that is left after one step, `0.5 ** (1 / half_life_steps)`.

    Raises:
        ValueError: for a half-life that is no time.
    """
    if not half_life_steps > 0:
        raise ValueError(f"half_life_steps is {half_life_steps}; it is a time, above 0")
    return float(0.5 ** (1 / half_life_steps))
