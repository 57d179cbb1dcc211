"""A data set of 40 films and 30 people, and settings with which a run takes seconds and needs no network."""

import os
import random
import subprocess
import sys
from pathlib import Path
from unittest import mock

from recloop.experiments.cli import main

NUM_FILMS, NUM_PEOPLE, STEPS = 40, 30, 256
NOUNS = [
    "river",
    "stone",
    "king",
    "queen",
    "star",
    "moon",
    "road",
    "house",
    "dog",
    "cat",
    "sea",
    "fire",
    "night",
    "day",
]
HEADS = {
    "item": "item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq",
    "user": "user_id:token\tage:token\tgender:token\toccupation:token",
    "inter": "user_id:token\titem_id:token\trating:float\ttimestamp:float",
}
SETTINGS = (
    "encoder=hashing", "encoder@env.world.encoder=hashing", "projection.dim=8", "env.world.projection.dim=8",
    "env.sessions.max_steps=10", f"steps={STEPS}", "agent.num_envs=16", "evaluation.sessions_per_user=1",
    "evaluation.curve_points=2", "evaluation.planner_candidates=2", "evaluation.planner_horizon=2", "tracking=none",
)  # fmt: skip
PPO = ("agent.rollout_steps=8", "agent.batch_size=64", "agent.epochs=1")
DQN = ("agent=dqn", "agent.learning_starts=64", "agent.batch_size=32", "agent.replay_ratio=2")


def films(folder: Path) -> Path:
    """Write the data set to `folder`, in RecBole's atomic format."""
    draw = random.Random(0)
    rows = {
        "item": [
            f"{film}\t{' '.join(draw.sample(NOUNS, 3))}\t{1960 + film}\t{draw.choice(['Action', 'Comedy', 'Drama'])}"
            for film in range(NUM_FILMS)
        ],
        "user": [
            f"{user}\t{20 + user}\t{'MF'[user % 2]}\t{draw.choice(['writer', 'doctor'])}" for user in range(NUM_PEOPLE)
        ],
        "inter": [
            f"{user}\t{film}\t{draw.randint(1, 5)}\t{880_000_000 + time}"
            for user in range(NUM_PEOPLE)
            for time, film in enumerate(draw.sample(range(NUM_FILMS), 20))
        ],
    }
    for kind, lines in rows.items():
        (folder / f"ml-100k.{kind}").write_text("\n".join([HEADS[kind], *lines, ""]))
    return folder


def settings(data: Path) -> list[str]:
    """The words of `recloop train` for a tiny run on the films in `data`."""
    return [f"env.dataset.folder={data}", *SETTINGS]


def recloop(*words: str) -> int:
    """The exit status of `recloop WORDS`, in this process."""
    with mock.patch.object(sys, "argv", []), mock.patch.dict(os.environ):
        return main(words)


def start(words: list[str], home: Path, cache: Path) -> subprocess.Popen[str]:
    """`recloop WORDS` in a process and a session of its own, where the home folder is `home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB", "MPL", "HF_", "XDG"))}
    return subprocess.Popen(
        [sys.executable, "-m", "recloop.experiments.cli", *words],
        env={**kept, "HOME": str(home), "RECLOOP_CACHE": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
