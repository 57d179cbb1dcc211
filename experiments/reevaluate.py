"""`recloop evaluate`: the agent of a stored run plays again, in its own environment or in another one."""

import argparse
import json
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from omegaconf import DictConfig, OmegaConf

from recloop.encoders.files import write_atomically
from recloop.encoders.projection import Projection
from recloop.experiments.build import instantiate
from recloop.experiments.errors import UsageError
from recloop.experiments.flags import Parser
from recloop.experiments.overrides import overridden
from recloop.experiments.progress import Reporter, progress
from recloop.experiments.reading import blaming
from recloop.experiments.sessions import Key, Played, save_sessions
from recloop.experiments.setting import Setting, build_setting
from recloop.experiments.stored import StoredRun, read_run
from recloop.experiments.untrusted import inside, read

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from recloop.agents.policy import Policy
    from recloop.experiments.train import Agent

CHANGEABLE = ("env", "prompts", "deploy", "evaluation", "device", "threads")
"""Top-level keys that may differ from the run's: where the agent plays, not what it is."""

_EXAMPLES = """\
examples:
  recloop evaluate runs/quickstart/2026-11-22_22-24-30-67ebc9
  recloop evaluate RUN env.dynamics.boredom.weight=0.8              users who are bored sooner
  recloop evaluate RUN env.population.split_seed=1 --no-baselines   other people
  recloop evaluate RUN env/observation=prompt                       another reading of users
  recloop evaluate RUN env.dataset.folder=my/catalog                another catalog
  recloop evaluate RUN --weights model.zip                          weights that stable-baselines3 has saved elsewhere

The table is also written to RUN/evaluations/TIME/, beside the sessions and the configuration.
"""


def main(words: list[str]) -> None:
    """`recloop evaluate RUN [key=value ...]`.

    Raises:
        UsageError: naming key or file, value and remedy.
    """
    parser = Parser(
        "recloop evaluate",
        description="Play the agent of a stored run, or each of a suite's, on held-out users.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="the folder of a run or a suite")
    parser.add_argument("overrides", metavar="key=value", nargs="*", help=f"what differs, of {', '.join(CHANGEABLE)}")
    parser.add_argument("--no-baselines", action="store_true", help="play the agent alone; the planner is slow")
    parser.add_argument(
        "--weights",
        metavar="FILE.zip",
        type=Path,
        help="a model of stable-baselines3's, of which the weights are taken",
    )
    given = parser.parse_intermixed_args(words)
    evaluate(read_run(given.run), given.overrides, baselines=not given.no_baselines, weights=given.weights)


def evaluate(run: StoredRun, overrides: Sequence[str], *, baselines: bool = True, weights: Path | None = None) -> Path:
    """Play the agents of `run` where `overrides` say, print the table, keep it; the folder that it is in.

    The weights are the run's own, or those in a zip of stable-baselines3's.

    Raises:
        UsageError: naming key or file, value and remedy.
    """
    from recloop.experiments.baselines import play_baselines
    from recloop.experiments.display import display
    from recloop.experiments.run import final_luck
    from recloop.experiments.seeding import set_threads

    whole = changed(run, overrides)
    set_threads(whole.threads)
    with display(runs=1 + baselines) as reporter:
        played, setting = play_runs(run, overrides, Settings(), weights, reporter)
        beside = play_baselines(setting, final_luck(whole, setting), whole.evaluation, reporter) if baselines else []
    return _conclude(run.folder, whole, setting, [*beside, *played])


class Settings:
    """Settings as they are asked for, each built once."""

    def __init__(self) -> None:
        self._built: dict[str, Setting] = {}

    def __call__(self, cfg: DictConfig, projection: Projection) -> Setting:
        """Where the agent of `cfg` plays, reading through `projection`."""
        from recloop.experiments.run import plain

        parts = [plain(cfg).get(name) for name in ("env", "prompts", "deploy", "encoder")]
        key = json.dumps([*parts, projection.fingerprint])
        if key not in self._built:
            self._built[key] = build_setting(cfg, projection)
        return self._built[key]


def play_runs(
    run: StoredRun, overrides: Sequence[str], built: Settings, weights: Path | None, reporter: Reporter
) -> tuple[list[Played], Setting]:
    """The sessions of the agents of `run`, one row a policy, where `overrides` say; and the setting they played in.

    Raises:
        UsageError: none of its cells has begun, or one cannot play.
    """
    whole = changed(run, overrides)
    runs = [(cell, changed(cell, overrides)) for cell in run.cells] if run.is_suite else [(run, whole)]
    if not runs:
        raise UsageError(f"{run.folder}: none of its cells has begun; run it first")
    played = []
    with progress(reporter, "agents", len(runs)) as bar:
        for one, cfg in runs:
            played.append(play_again(one, cfg, built, weights))
            bar.advance(1)
    return _rows(played), built(whole, projection_of(runs[0][0]))


def play_again(
    run: StoredRun,
    cfg: DictConfig,
    settings: Callable[[DictConfig, Projection], Setting],
    weights: Path | None = None,
) -> Played:
    """The sessions of the agent of `run`, from its stored `weights` or those of a zip, in the environment of `cfg`.

    Raises:
        UsageError: weights or projection are missing, damaged, or do not fit.
    """
    from recloop.experiments.evaluate import play
    from recloop.experiments.run import final_luck

    agent: Agent = instantiate(cfg.agent, "agent")
    setting = settings(cfg, projection_of(run))
    sessions = play(setting.held_out, policy_of(run, cfg, agent, setting, weights), final_luck(cfg, setting))
    return Played(_name(run, agent), setting.held_out.observation.sees, True, (sessions,))


def changed(run: StoredRun, overrides: Sequence[str]) -> DictConfig:
    """The configuration of `run` with `overrides`, in which its agent can play."""
    from recloop.experiments.inputs import check, check_agent

    cfg = overridden(run.config_here, overrides, CHANGEABLE)
    check(cfg)
    check_agent(cfg)
    before, now = (instantiate(one.env.observation, "env.observation").func.sees for one in (run.config_here, cfg))
    if before != now:
        raise UsageError(
            f"env.observation shows the {now}, but the agent of {run.folder} has learned from what is {before}: its "
            "items lie in another space; choose an observation of the same kind, or train an agent there"
        )
    if before == "true state" and _world(run.config_here) != _world(cfg):
        raise UsageError(
            f"the agent of {run.folder} sees the true state, and knows items only as its own world has them; keep "
            "env.dataset, env.world and prompts.item, or evaluate an agent that sees what is observed"
        )
    return cfg


def _world(cfg: DictConfig) -> list[Any]:
    """What decides where the world's items lie."""
    return [OmegaConf.to_container(part) for part in (cfg.env.dataset, cfg.env.world, cfg.prompts.item)]


def projection_of(run: StoredRun) -> Projection:
    """What its agent reads items through."""
    return read(run.file("checkpoints/projection.safetensors"), Projection.load)


def policy_of(run: StoredRun, cfg: DictConfig, agent: "Agent", setting: Setting, weights: Path | None) -> "Policy":
    """A fresh learner with the stored weights."""
    from recloop.experiments.transfer import learner, speaking_items

    model = learner(agent, setting.held_out, run.seed, cfg.device)
    put_weights(run, model, weights)
    return speaking_items(model, setting.held_out)


def put_weights(run: StoredRun, model: "BaseAlgorithm", weights: Path | None = None) -> None:
    """Give `model` the weights of `run`, or those in a zip of stable-baselines3's.

    Raises:
        UsageError: they are missing, damaged, or do not fit.
    """
    from recloop.experiments.checkpoints import load_weights
    from recloop.experiments.foreign import load_sb3_weights

    path = weights or run.file("checkpoints/final.safetensors")
    try:
        model.policy.load_state_dict(load_sb3_weights(weights) if weights else read(path, load_weights))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise UsageError(f"{path}: does not fit this agent in this environment ({reason})") from error


def _name(run: StoredRun, agent: "Agent") -> str:
    """What the agent is called in the run's own table, if there is one."""
    if not (run.folder / "episodes.parquet").exists():
        return agent.name
    return next((one.policy for one in run.played() if one.trained), agent.name)


def _rows(played: Sequence[Played]) -> list[Played]:
    """One row a policy, its seeds in order."""
    rows: dict[Key, Played] = {}
    for one in played:
        before = rows.setdefault(one.key, one._replace(sessions=()))
        rows[one.key] = before._replace(sessions=(*before.sessions, *one.sessions))
    return list(rows.values())


def _conclude(run: Path, cfg: DictConfig, setting: Setting, played: list[Played]) -> Path:
    """Keep configuration, sessions and table in a new folder below `run`, and print the table."""

    from recloop.experiments.action_influence import action_influence
    from recloop.experiments.measured import keep_table, recording
    from recloop.experiments.redaction import redact
    from recloop.experiments.run import TOLD, plain
    from recloop.experiments.table import print_table, summarise

    folder = inside(run, run / "evaluations" / f"{datetime.now():%Y-%m-%d_%H-%M-%S}-{uuid.uuid4().hex[:6]}")
    world = setting.held_out.simulator.world
    with blaming("evaluate"):
        summary = summarise(
            played, world.vectors, world.popularity, np.random.default_rng(0), action_influence(setting.held_out)
        )._replace(fidelity=setting.fidelity.line if setting.fidelity else "")
    console = recording()
    print_table(summary, console)
    write_atomically(folder / "config.json", json.dumps(redact(plain(cfg), TOLD), indent=2).encode())
    save_sessions(folder / "episodes.parquet", played)
    keep_table(folder, console)
    console.print(f"table and sessions: {folder}", soft_wrap=True, highlight=False)
    return folder
