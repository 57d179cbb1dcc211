"""All that the next step of training depends on, as arrays and JSON: taken and put back between rollouts.

stable-baselines3 saves neither random generators nor environments, and pickles the rest. At the start of a rollout
PPO's buffer is empty and a replay buffer holds whole transitions only, so that little enough is left to be taken by
name.
"""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from recloop.experiments.checkpoints import State

if TYPE_CHECKING:
    import torch
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch.optim import Optimizer

_COUNTERS = (
    "num_timesteps",
    "_episode_num",
    "_n_updates",
    "_n_calls",
    "_current_progress_remaining",
    "exploration_rate",
)
"""What a learner counts; those that it has."""


def take(model: "BaseAlgorithm") -> State:
    """The state of a learner between two rollouts, with that of its environment and of every random generator."""
    tensors: dict[str, torch.Tensor] = {}
    facts = {
        "counters": {name: getattr(model, name) for name in _COUNTERS if hasattr(model, name)},
        "figures": _numbers(model.logger.name_to_value),
        "sessions": [_numbers(session) for session in model.ep_info_buffer or ()],
        "action_space": _generator(model.action_space.np_random),
        "environment": _put(tensors, "environment", _environment(model).get_state()),
        "learner": _put(tensors, "learner", _learner_arrays(model)),
        "optimizers": _put(tensors, "optimizers", {name: one.state_dict() for name, one in _optimizers(model).items()}),
        "policy": _put(tensors, "policy", {name: one.clone() for name, one in model.policy.state_dict().items()}),
        "random": _put(tensors, "random", _random()),
    }
    return State(tensors, facts)


def put_back(model: "BaseAlgorithm", state: State) -> None:
    """Bring a learner that was just made from the same configuration to where `state` was taken."""
    parts: dict[str, Any] = {
        name: _get(state.tensors, state.facts[name])
        for name in ("environment", "learner", "optimizers", "policy", "random")
    }
    for name, value in state.facts["counters"].items():
        setattr(model, name, value)
    model.logger.name_to_value.update(state.facts["figures"])
    assert model.ep_info_buffer is not None
    model.ep_info_buffer.clear()
    model.ep_info_buffer.extend(state.facts["sessions"])
    model.policy.load_state_dict(parts["policy"])
    for name, optimizer in _optimizers(model).items():
        optimizer.load_state_dict(parts["optimizers"][name])
    _environment(model).set_state(parts["environment"])
    _put_back_learner(model, parts["learner"])
    _put_back_random(parts["random"])
    model.action_space.np_random.bit_generator.state = state.facts["action_space"]


def _environment(model: "BaseAlgorithm") -> Any:
    """The vector environment, which has `get_state` and `set_state`."""
    return model.get_env()


def _optimizers(model: "BaseAlgorithm") -> "dict[str, Optimizer]":
    """Of the whole policy, and of a state that it learns; or of actor, critic and entropy weight; or none."""
    policy = model.policy
    found = {
        "policy": getattr(policy, "optimizer", None),
        "actor": getattr(getattr(policy, "actor", None), "optimizer", None),
        "state": getattr(policy, "state_optimizer", None),
        "critic": getattr(getattr(policy, "critic", None), "optimizer", None),
        "entropy weight": getattr(model, "ent_coef_optimizer", None),
    }
    return {name: optimizer for name, optimizer in found.items() if optimizer is not None}


def _learner_arrays(model: "BaseAlgorithm") -> dict[str, Any]:
    arrays: dict[str, Any] = {"last_obs": model._last_obs, "last_episode_starts": model._last_episode_starts}
    if hasattr(model, "last_memory"):
        arrays["last_memory"] = model.last_memory
    if (weight := getattr(model, "log_ent_coef", None)) is not None:
        arrays["log_entropy_weight"] = weight.detach()
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        arrays["replay"] = buffer.get_state()
    return arrays


def _put_back_learner(model: "BaseAlgorithm", arrays: dict[str, Any]) -> None:
    model._last_obs, model._last_episode_starts = arrays["last_obs"], arrays["last_episode_starts"]
    if "last_memory" in arrays:
        model.last_memory = arrays["last_memory"]  # type: ignore[attr-defined]
    if "log_entropy_weight" in arrays:
        model.log_ent_coef.data.copy_(arrays["log_entropy_weight"])  # type: ignore[attr-defined]
    buffer = getattr(model, "replay_buffer", None)
    if buffer is not None:
        buffer.set_state(arrays["replay"])


def _random() -> dict[str, Any]:
    """The global generators, as `seed_everything` seeds them."""
    import torch

    version, words, gauss = random.getstate()
    state = np.random.get_state(legacy=False)  # noqa: NPY002
    return {
        "python": {"version": version, "words": list(words), "gauss": gauss},
        "numpy": state,
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _put_back_random(state: dict[str, Any]) -> None:
    import torch

    python = state["python"]
    random.setstate((python["version"], tuple(python["words"]), python["gauss"]))
    np.random.set_state(state["numpy"])  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])


def _generator(generator: np.random.Generator) -> Any:
    return generator.bit_generator.state


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in values.items() if isinstance(value, int | float | np.number)}


_ARRAY = "@"
"""Stands, with the name of a tensor, where an array was."""


def _put(tensors: dict[str, "torch.Tensor"], name: str, node: Any) -> Any:
    """`node` as JSON, its arrays put into `tensors` under names that begin with `name`."""
    import torch

    if isinstance(node, np.ndarray):
        tensors[name] = torch.from_numpy(np.ascontiguousarray(node))
        return {_ARRAY: name, "numpy": True}
    if isinstance(node, torch.Tensor):
        tensors[name] = node
        return {_ARRAY: name, "numpy": False}
    if isinstance(node, Mapping):
        return {"keys": [[key, _put(tensors, f"{name}/{key}", child)] for key, child in node.items()]}
    if isinstance(node, list | tuple):
        return [_put(tensors, f"{name}/{index}", child) for index, child in enumerate(node)]
    return node.item() if isinstance(node, np.generic) else node


def _get(tensors: Mapping[str, "torch.Tensor"], node: Any) -> Any:
    """What `_put` was given; tuples as lists."""
    if isinstance(node, list):
        return [_get(tensors, child) for child in node]
    if isinstance(node, dict):
        if _ARRAY in node:
            tensor = tensors[node[_ARRAY]]
            return tensor.numpy().copy() if node["numpy"] else tensor
        return {key: _get(tensors, child) for key, child in node["keys"]}
    return node
