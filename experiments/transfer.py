"""An agent that is evaluated on another catalog than it trains on: the same weights, other items."""

from typing import TYPE_CHECKING

from recloop.experiments.setting import Setting, item_space

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from recloop.agents.policy import Policy
    from recloop.envs.task import Task
    from recloop.experiments.train import Agent


def learner(agent: "Agent", task: "Task", seed: int, device: str, *, stagger: bool = False) -> "BaseAlgorithm":
    """A model for the items of `task`; making one seeds the global random streams."""
    from recloop.agents.vec_env import GymnasiumVecEnv
    from recloop.envs.vector import RecommendVectorEnv

    env = GymnasiumVecEnv(RecommendVectorEnv(agent.num_envs, task, stagger=stagger))
    return agent.learner(env, item_space(task), seed, device)


class Deployed:
    """The weights of a model, put to work where they are evaluated.

    The item head's weights do not know the catalog, so that they serve any; a head with an output an item does not.

    Args:
        agent: that trains.
        setting: where it trains and is evaluated.
        seed: of the run.
        device: of the networks.
    """

    def __init__(self, agent: "Agent", setting: Setting, seed: int, device: str) -> None:
        same = setting.train.observation.items.titles == setting.held_out.observation.items.titles
        self._twin = None if same else learner(agent, setting.held_out, seed, device)

    def __call__(self, model: "BaseAlgorithm") -> "Policy":
        """The model itself, or a twin with its weights that recommends the items of the held-out task.

        Raises:
            RuntimeError: the weights are tied to the catalog.
        """
        if self._twin is None:
            return model
        self._twin.policy.load_state_dict(model.policy.state_dict())
        return self._twin
