"""Agents that have learned nothing, which recommend to people of whom somebody tells."""

from pathlib import Path
from typing import Any

import torch

from recloop.experiments.build import instantiate
from recloop.experiments.compose import composed
from recloop.experiments.recommender import Recommender, Texts, ranking
from recloop.experiments.served import Served
from recloop.experiments.setting import build_setting, item_space
from recloop.experiments.told import Told
from recloop.experiments.transfer import learner
from tests.experiments import tiny


def untrained(here: Path, *words: str, agent: tuple[str, ...] = tiny.PPO) -> Recommender:
    """An agent of a setting that is described, on the films in `here`."""
    cfg = composed([*tiny.settings(here / "films"), *agent, *words])
    setting = build_setting(cfg)
    items = Served.of(cfg, setting, setting.projection)
    texts = Texts(cfg, setting.projection)
    told = Told(cfg, items, texts, texts.hear)
    task = told.task
    model = learner(instantiate(cfg.agent, "agent"), task, 0, "cpu")
    return Recommender(items, told, ranking(model, item_space(task)))


def shaken(recommender: Recommender, size: float = 0.3) -> Recommender:
    """The same with noise on all weights, so that every part of its head has something to say."""
    model: Any = recommender.ranking.model  # type: ignore[attr-defined]
    draw = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weights in model.policy.parameters():
            weights += size * torch.randn(weights.shape, generator=draw) / max(weights.shape[-1:] or [1]) ** 0.5
    return recommender
