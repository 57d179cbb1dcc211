"""The parts of the benchmark and how their rows are shown.

A part called NAME is the function `measure(scope: Scope) -> list[dict[str, Any]]` in `benchmarks/NAME.py`, and an entry
here. Its rows are plain values: strings, numbers, None, dictionaries of them. Each row has a `name`, which is what its
first column says.
"""

from typing import NamedTuple


class Sheet(NamedTuple):
    """The table of one part."""

    title: str
    columns: dict[str, str]
    """Header: what stands under it, a format of the row's values. A value that a row has not, or None, is a dash."""
    below: str = ""
    """A line below the table, of each row that has what it takes; the same is said once."""


_CLOCKS = {"steps/s": "{wall:,.0f}", "steps/CPU-s": "{cpu:,.0f}"}

GOALS = Sheet(
    "Goals: met by wall time",
    {"of goal": "{of_goal:.2f}", "wall": "{wall:,.2f}", "CPU": "{cpu:,.2f}", "goal": "{goal:,.2f}", "met": "{met}"},
)

SHEETS = {
    "environment": Sheet(
        "Environment: user steps a second",
        {
            "of goal": "{of_goal:.2f}",
            **_CLOCKS,
            "goal": "{goal:,.0f}",
            "CPU µs a call": "{cpu_microseconds_a_call:,.0f}",
        },
    ),
    "modes": Sheet(
        "Each action mode: user steps a second, of wall time (of processor time)",
        {
            "of items'": "{factor[wall]:.3f} ({factor[cpu]:.3f})",
            "1,024 users": "{of_1024[wall]:,.0f} ({of_1024[cpu]:,.0f})",
            "64 users": "{of_64[wall]:,.0f} ({of_64[cpu]:,.0f})",
            "single": "{of_1[wall]:,.0f} ({of_1[cpu]:,.0f})",
        },
    ),
    "dynamics": Sheet(
        "Each part of the dynamics: user steps a second of 1,024 users",
        {
            "of the default": "{factor[wall]:.2f}",
            "CPU time": "{factor[cpu]:.2f}",
            "of goal": "{of_goal:.2f}",
            **_CLOCKS,
        },
    ),
    "training": Sheet(
        "Training: steps a second, as a share of those in an environment that does nothing (goal 0.95)",
        {
            "of SB3's own": "{of_stock[wall]:.2f}",
            "CPU time": "{of_stock[cpu]:.2f}",
            "of the same learner": "{of_same_learner[wall]:.2f}",
            "CPU time ": "{of_same_learner[cpu]:.2f}",
            "steps/s": "{real[wall]:,.0f}",
            "steps/CPU-s": "{real[cpu]:,.0f}",
        },
    ),
    "q_learning": Sheet(
        "DQN at 8 samples a step and 1,682 items: how many times as quick as stable-baselines3's own DQN (goal 2.5)",
        {
            "of SB3's own": "{factor[wall]:.2f}",
            "CPU time": "{factor[cpu]:.2f}",
            "steps/s": "{ours[wall]:,.0f}",
            "steps/CPU-s": "{ours[cpu]:,.0f}",
            "SB3 steps/CPU-s": "{stock[cpu]:,.0f}",
        },
    ),
    "returns": Sheet(
        "The same return: clicks a session after 16,000 steps of 400 items, three seeds",
        {"clicks": "{clicks:.2f}", "standard deviation": "{spread:.2f}", "CPU s a seed": "{seconds:.0f}"},
    ),
    "shares": Sheet("Where training spends its time (cProfile)", {"PPO": "{PPO:.1%}", "DQN": "{DQN:.1%}"}),
    "encoding": Sheet(
        "Encoding: film titles read by MiniLM on one thread, against sentence-transformers",
        {
            "times as quick": "{factor[wall]:.2f}",
            "CPU time": "{factor[cpu]:.2f}",
            "texts/s": "{wall:,.0f}",
            "texts/CPU-s": "{cpu:,.0f}",
            "largest difference": "{largest_difference:.1e}",
            "least cosine": "{least_cosine:.5f}",
            "same neighbours": "{neighbours:.1%}",
            "at hand after": "{ready[wall]:.2f} s",
        },
    ),
    "raters": Sheet(
        "Language-model users: ratings a second of SmolLM2 on one thread, against one call of `generate` a rating",
        {
            "times as quick": "{factor[wall]:.1f}",
            "CPU time": "{factor[cpu]:.1f}",
            "ratings/s": "{ours[wall]:.2f}",
            "ratings/CPU-s": "{ours[cpu]:.2f}",
            "tokens a rating": "{tokens:.1f}",
            "generate/s": "{generate[wall]:.2f}",
            "generate/CPU-s": "{generate[cpu]:.2f}",
        },
    ),
    "prompts": Sheet(
        "Prompt states: user steps a second of 64 users whose texts MiniLM reads on one thread, and of pooled states",
        {
            "of one by one": "{factor[wall]:,.1f}",
            "CPU time": "{factor[cpu]:,.1f}",
            **_CLOCKS,
            "texts known": "{known:.0%}",
            "tokens a text": "{tokens:.0f}",
        },
    ),
    "serving": Sheet(
        "Serving: milliseconds of one recommendation of ten items, median and 99 % (processor time)",
        {
            "state given": "{state_given[p50]:.2f}, {state_given[p99]:.2f} ({state_given[cpu]:.2f})",
            "text read first": "{text_read[p50]:.1f}, {text_read[p99]:.1f} ({text_read[cpu]:.1f})",
            "recall@10": "{recall:.3f}",
            "GB": "{gigabytes:.2f}",
            "ready after": "{seconds_to_get_ready:.0f} s",
            "the first time": "{first_seconds_to_get_ready:.0f} s",
        },
    ),
    "lookup": Sheet(
        "Look-up of the ten nearest items, one thread",
        {
            "build s": "{build_seconds:.1f}",
            "recall@10": "{recall:.3f}",
            "p50 ms": "{p50_ms:.2f}",
            "p99 ms": "{p99_ms:.2f}",
            "64 at once, queries/s": "{queries_a_second:,.0f}",
        },
    ),
    "growth": Sheet(
        "Growth: 1,024 users' steps a second, PPO's among candidates, a look-up, and the peak of memory so far",
        {
            **_CLOCKS,
            "training steps/s": "{training[wall]:,.0f}",
            "/CPU-s": "{training[cpu]:,.0f}",
            "p50 ms": "{p50_ms:.2f}",
            "p99 ms": "{p99_ms:.2f}",
            "peak MB": "{peak_megabytes:,.0f}",
        },
    ),
    "peers": Sheet(
        "Other simulators: how many times as quick recloop is, of wall time (of processor time)",
        {
            "items": "{items:,}",
            "1,024 users": "{batched[wall]:,.0f} ({batched[cpu]:,.0f})",
            "single": "{single[wall]:.1f} ({single[cpu]:.1f})",
            **_CLOCKS,
        },
        "{name}: {does}",
    ),
}

CORE = ("environment", "modes", "dynamics", "training", "shares")
"""Measured when nothing is asked for: minutes, no network."""
