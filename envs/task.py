"""A recommendation task: a simulated world, what the agent sees of it, and what it is rewarded for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from recloop.envs.actions import Actions, Items, Nothing, Stock, actions_named
from recloop.envs.catalog import Bools, Catalog, Floats, Ints
from recloop.envs.choice import Click, MultinomialLogit
from recloop.envs.dynamics import Boredom, Drift
from recloop.envs.feedback import Feedback
from recloop.envs.observations import Layout, Observation, Oracle, Pooled
from recloop.envs.rewards import Reward, Step
from recloop.envs.sessions import Patience
from recloop.envs.simulator import Response, Simulator
from recloop.envs.users import Population, Users, replace_rows, take_rows


class Session(NamedTuple):
    """A batch of sessions under way: the users' hidden state, and what the platform remembers of them."""

    users: Users
    memory: Any
    offered: Any = Nothing()

    def rows(self, rows: Ints | slice) -> "Session":
        """The sessions in `rows`; views if they are a slice."""
        users, memory, offered = self
        return Session(take_rows(users, rows), take_rows(memory, rows), take_rows(offered, rows))

    def replace(self, rows: Ints, fresh: "Session") -> None:
        """Write the sessions `fresh` [k] into the `rows` [k]."""
        for part, new in zip(self, fresh, strict=True):
            replace_rows(part, rows, new)

    def get_state(self) -> dict[str, dict[str, np.ndarray]]:
        """All of it as plain arrays, copied."""
        return {
            name: {key: array.copy() for key, array in part._asdict().items()} for name, part in self._asdict().items()
        }


class Outcome(NamedTuple):
    """What one step came to."""

    response: Response
    reward: Floats  # [n]
    terminated: Bools  # [n] the user has lost patience
    truncated: Bools  # [n] the session has reached its longest


@dataclass(frozen=True, eq=False)
class Task:
    """What both environments, single and batched, are made of.

    Args:
        simulator: the world.
        observation: what the agent sees.
        reward: what it is rewarded for.
        slots: which items may stand at each position of a slate, [slate, num_items]; None for any.
        actions: what an agent says; they are told which items there are.
        feedback: users who write, and how what they write moves the state that the agent sees; None for silence.

    Raises:
        ValueError: when world and agent have catalogs of different length, a position has no item, or the state is none
            that words move.
    """

    simulator: Simulator
    observation: Observation
    reward: Reward
    slots: Bools | None = None
    actions: Actions = field(default_factory=Items)
    feedback: Feedback | None = None

    def __post_init__(self) -> None:
        """World and agent speak of the same items, and every position of a slate can be filled."""
        world, agent = self.simulator.world.num_items, self.observation.items.num_items
        if world != agent:
            raise ValueError(f"{agent} item vectors for {world} actions; encode the catalog that the environment uses")
        if self.slots is not None:
            self._check_slots(self.slots)
        if self.feedback is not None and not isinstance(self.observation, Pooled):
            raise ValueError("what users write moves the pooled state; choose env/observation=pooled")
        object.__setattr__(self, "actions", self.actions.of(self._stock))

    @property
    def _stock(self) -> Stock:
        items, layout = self.observation.items, self.observation.layout
        slate, max_steps = self.simulator.choice.slate, self.simulator.sessions.max_steps
        return Stock(items.vectors, layout, slate, self.slots, max_steps, items.nearest)

    @property
    def layout(self) -> Layout:
        """Named blocks of what the agent sees: those of `observation`, then those of `actions`."""
        return self.actions.layout

    def _check_slots(self, slots: Bools) -> None:
        shape = self.simulator.choice.slate, self.simulator.world.num_items
        if slots.shape != shape:
            raise ValueError(f"slots are {slots.shape}; the slate and the catalog are {shape}")
        for position, fitting in enumerate(slots.sum(axis=1).tolist()):
            if fitting < len(slots):
                raise ValueError(f"{fitting} items fit position {position} of {len(slots)}; give as many as positions")

    def arrive(self, users: Users) -> "Session":
        """Sessions of users who have just come."""
        return Session(users, self.observation.arrive(users), self.actions.arrive(users))

    def restored(self, state: Mapping[str, Mapping[str, np.ndarray]]) -> "Session":
        """The sessions whose `get_state` returned `state`."""
        users, memory, offered = ({key: array.copy() for key, array in state[part].items()} for part in Session._fields)
        fresh = self.arrive(Users(**users))
        return Session(fresh.users, type(fresh.memory)(**memory), type(fresh.offered)(**offered))

    def step(self, session: "Session", items: Ints, noise: Floats) -> tuple["Session", "Outcome"]:
        """Recommend `items`, one to each user [n] or a slate [n, slate]; `noise`, alike, is uniform in [0, 1)."""
        users, response = self.simulator.step(session.users, items, noise)
        memory = self.observation.remember(session.memory, users, items, response.click)
        left, over = self.simulator.sessions.ended(users)
        reward = self.reward(Step(session.users, users, items, response, left), self.simulator.world)
        if self.feedback is not None:
            memory = self._heard(self.feedback, memory, session.users, items, response, noise)
        offered = session.offered
        if self.actions.remembers:
            offered = self.actions.remember(offered, items, response.click)
        return Session(users, memory, offered), Outcome(response, reward, left, over)

    def _heard(
        self, feedback: Feedback, memory: Any, users: Users, items: Ints, response: Response, noise: Floats
    ) -> Any:
        """The memory after the platform has read what users wrote."""
        said = feedback.writer.write(users, items, response, self.simulator.world.quality, noise)  # [n]
        rows = np.flatnonzero(said >= 0)
        assert isinstance(self.observation, Pooled)
        return self.observation.moved(memory, rows, feedback.steps[said[rows]])

    def read(self, session: "Session") -> Floats:
        """What the agent sees, float32 [n, size]."""
        observation = self.observation.read(session.memory)
        return self.actions.read(session.offered, observation) if self.actions.remembers else observation

    def serving(self, population: Population) -> "Task":
        """The same task with other people, for instance those held out."""
        return replace(self, simulator=self.simulator.serving(population))

    def offering(self, rows: Ints) -> "Task":
        """The same task, where only the items in `rows` [k] can be recommended."""
        simulator = replace(self.simulator, world=self.simulator.world.offering(rows))
        slots = None if self.slots is None else self.slots[:, rows]
        feedback = None if self.feedback is None else self.feedback.offering(rows)
        return Task(simulator, self.observation.offering(rows), self.reward, slots, self.actions, feedback)

    def recommending_items(self) -> "Task":
        """The same task for those who say items: baselines and planners."""
        return replace(self, actions=Items(self.actions.repeats))

    def seeing_everything(self) -> "Task":
        """The same task with the hidden state shown, for those who say items."""
        return replace(self.recommending_items(), observation=oracle_of(self.simulator), feedback=None)

    @staticmethod
    def synthetic(
        num_items: int = 200,
        dim: int = 16,
        max_steps: int = 40,
        seed: int = 0,
        slate: int = 1,
        action: str = "item",
        repeats: bool = True,
        **reward: Any,
    ) -> "Task":
        """A small made-up task that needs no data and no model.

        The agent reads the world's own vectors; users like two random items and what lies around them.

        Args:
            num_items: size of the catalog.
            dim: size of an item vector.
            max_steps: longest session.
            seed: of the catalog and the users.
            slate: items shown at once; several are chosen from by multinomial logit.
            action: what an agent says, item, candidates or proto.
            repeats: whether an item may be shown again in the same session.
            reward: weights of `Reward`.
        """
        world = Catalog.synthetic(num_items, dim, seed=seed)
        population = Population.synthetic(world.vectors, seed=seed + 1)
        choice = Click(scale=10, offset=0.55) if slate == 1 else MultinomialLogit(slate, scale=10, offset=0.55)
        simulator = Simulator(world, population, choice, (Boredom(), Drift()), Patience(max_steps))
        actions = actions_named(action, repeats=repeats)
        return Task(simulator, Pooled(world, population.tastes, max_steps), Reward(**reward), actions=actions)


def oracle_of(simulator: Simulator) -> Oracle:
    """The observation that shows all of the simulator's hidden state."""
    return Oracle(simulator.world, simulator.sessions.max_steps, simulator.columns)
