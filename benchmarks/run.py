"""`make bench`: how quick the environment and training are, on one core, and where the time goes."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")


def main() -> None:
    """Measure, print tables, write a JSON file."""
    options = _options()
    os.environ.update(dict.fromkeys(THREADS, "1"))  # before anything imports numpy or torch
    sys.path.insert(0, str(ROOT))
    figures = _encoding(quick=options.quick) if options.only == "encoding" else _measured(quick=options.quick)
    from benchmarks.tables import show

    figures["tables"] = show(figures)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(figures, indent=2) + "\n")
    print(f"figures: {options.out}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the steps, once: whether it runs at all")
    parser.add_argument("--only", choices=["encoding"], help="that part, which is left out unless it is named")
    default = Path("runs") / f"bench-{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    parser.add_argument("--out", type=Path, default=default, help="where the figures go (default: %(default)s)")
    return parser.parse_args()


def _measured(*, quick: bool) -> dict[str, Any]:
    """All figures, as they are written."""
    import torch

    from benchmarks.environment import speeds
    from benchmarks.machine import described, load
    from benchmarks.parts import each_part
    from benchmarks.shares import shares
    from benchmarks.training import ceilings, learner
    from recloop.agents.dqn import DQNAgent
    from recloop.agents.ppo import PPOAgent
    from recloop.envs.task import Task
    from recloop.experiments.seeding import seed_everything

    seed_everything(0)
    torch.set_num_threads(1)
    before = described()
    task, repeats, scale = Task.synthetic(num_items=1682, dim=64), 1 if quick else 5, 0.05 if quick else 1.0
    agents = (PPOAgent(), DQNAgent())
    return {
        "machine": before,
        "environment": speeds(task, repeats, scale),
        "parts": each_part(task, repeats, scale),
        "training": [ceilings(agent, task, repeats, scale) for agent in agents],
        "profile": {agent.name: shares(learner(agent, task), scale) for agent in agents},
        "load_at_the_end": load(),
    }


def _encoding(*, quick: bool) -> dict[str, Any]:
    """Figures of the encoder, which need MiniLM, MovieLens, ONNX Runtime and sentence-transformers."""
    import torch

    from benchmarks.encoding import encoding
    from benchmarks.machine import described, load
    from recloop.experiments.assets import fetch
    from recloop.experiments.compose import composed
    from recloop.experiments.setting import Texts

    torch.set_num_threads(1)
    before, texts = described(), Texts.of(composed([])).items
    read = encoding(texts[:64], fetch("minilm"), 1, 100_000) if quick else encoding(texts, fetch("minilm"), 5)
    return {"machine": before, "encoding": read, "load_at_the_end": load()}


if __name__ == "__main__":
    main()
