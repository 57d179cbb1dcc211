"""A sweep whose trials take a second or two."""

from pathlib import Path

from tests.experiments import tiny

FILE = """\
words: [agent=ppo]
trials: 3
seeds: [2000000]
objectives: {clicks_per_session: maximize}
validation: 0.3
startup_trials: 100
prune: false
heartbeat_seconds: 1
storage: null
space:
  agent.learning_rate: {low: 1.0e-4, high: 1.0e-2, log: true}
  agent.gamma: {low: 0.8, high: 0.99}
  agent.hidden: {choices: ["[8]", "[16,16]"]}
"""


def words(folder: Path) -> list[str]:
    """The words of `recloop sweep` for it; `folder` will hold its file and its films."""
    (folder / "tiny.yaml").write_text(FILE)
    films = folder / "films"
    films.mkdir()
    return [f"sweep={folder / 'tiny.yaml'}", *tiny.settings(tiny.films(films)), *tiny.PPO]
