"""A trained agent at work: what it says is translated into items, on the catalog where it is evaluated."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recloop.experiments.setting import Setting, item_space

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from recloop.agents.policy import Floats, Ints, Policy
    from recloop.agents.stochastic import Distribution
    from recloop.envs.actions import Actions
    from recloop.envs.task import Task
    from recloop.experiments.train import Agent


def learner(agent: "Agent", task: "Task", seed: int, device: str, *, stagger: bool = False) -> "BaseAlgorithm":
    """A model for the items of `task`; making one seeds the global random streams."""
    from recloop.agents.vec_env import GymnasiumVecEnv
    from recloop.envs.vector import RecommendVectorEnv

    env = GymnasiumVecEnv(RecommendVectorEnv(agent.num_envs, task, stagger=stagger))
    return agent.learner(env, item_space(task), seed, device)


@dataclass(frozen=True, eq=False)
class Translated:
    """A policy that says positions or vectors, as one that says items.

    Args:
        policy: which speaks.
        actions: which it speaks in.
    """

    policy: "Policy"
    actions: "Actions"

    def predict(
        self, observation: "Floats", state: Any = None, episode_start: Any = None, deterministic: bool = True
    ) -> "tuple[Ints, Any]":
        """The items [n], or slates [n, slate], that are shown for what the policy says."""
        said, state = self.policy.predict(observation, state, episode_start, deterministic)
        return self.actions.items(said, observation), state


def own_distribution(policy: "Policy") -> "Distribution | None":
    """What `policy`, as `speaking_items` returned it, explores by itself; None if it does not."""
    from recloop.agents.ppo import WatchedPPO
    from recloop.envs.actions import Items

    if isinstance(policy, Translated) and isinstance(policy.actions, Items):
        policy = policy.policy  # which says items, and none that was shown
    return policy if isinstance(policy, WatchedPPO) else None


def speaking_items(policy: "Policy", task: "Task") -> "Policy":
    """The policy itself where it says items, else translated."""
    return policy if task.actions.plain else Translated(policy, task.actions)


class Deployed:
    """The weights of a model, put to work where they are evaluated: a policy that says items.

    The item head's weights do not know the catalog, so that they serve any; a head with an output an item does not.

    Args:
        agent: that trains.
        setting: where it trains and is evaluated.
        seed: of the run.
        device: of the networks.
    """

    def __init__(self, agent: "Agent", setting: Setting, seed: int, device: str) -> None:
        same = setting.train.observation.items.titles == setting.held_out.observation.items.titles
        self._task = setting.held_out
        self._twin = None if same else learner(agent, setting.held_out, seed, device)

    def __call__(self, model: "BaseAlgorithm") -> "Policy":
        """The model itself, or a twin with its weights that recommends the items of the held-out task.

        Raises:
            RuntimeError: the weights are tied to the catalog.
        """
        if self._twin is None:
            return speaking_items(model, self._task)
        self._twin.policy.load_state_dict(model.policy.state_dict())
        return speaking_items(self._twin, self._task)
