"""Which actions an agent can take."""

from collections.abc import Sequence


def check_says(says: str, head: str, known: Sequence[str] = ("item", "candidates"), *, repeats: bool) -> None:
    """Refuse actions that an agent cannot take.

    Args:
        says: what the environment wants to be told: "item", "candidates" or "proto".
        head: of the agent, "item" or "mlp".
        known: what it can tell.
        repeats: whether items may be shown again.

    Raises:
        ValueError: so.
    """
    if says not in known:
        raise ValueError(f"this agent cannot play env/action={says}; choose {' or '.join(known)}, or another agent")
    if head == "mlp" and (says == "candidates" or not repeats):
        words = "candidates" if says == "candidates" else "what has been shown"
        raise ValueError(f"head is 'mlp', which knows nothing of {words}; choose head=item")
