"""From what is told of people to what the agent sees of them, by the very observation that it was trained on."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from omegaconf import DictConfig

from recloop.agents.policy import Floats, Ints
from recloop.experiments.build import instantiate
from recloop.experiments.errors import UsageError
from recloop.experiments.hearing import gain_of
from recloop.experiments.people import Person, context_values
from recloop.experiments.reading import blaming
from recloop.experiments.served import Served

if TYPE_CHECKING:
    from recloop.envs.catalog import Catalog
    from recloop.envs.interactions import Interactions
    from recloop.envs.observations import Observation
    from recloop.envs.task import Task
    from recloop.envs.users import Users

Read = Callable[[Sequence[str]], Floats]

_LIKED = 5.0  # stars


class Mentioned(NamedTuple):
    """The items that people mention, each once; histories and what was skipped count among them."""

    titles: list[str]
    rows: list[int]  # of `Served.known_vectors`; -1 for a text that is no item's title
    histories: list[list[int]]
    skipped: list[list[int]]
    num_items: int

    def shown(self, place: int) -> int:
        """The item mentioned there, as the platform's memory of what it has shown has it; -1 for none of its own."""
        return self.rows[place] if self.rows[place] < self.num_items else -1

    def items(self, person: int) -> Ints:
        """The items that this person mentions, of those that can be recommended."""
        rows = {self.rows[each] for each in (*self.histories[person], *self.skipped[person])}
        return np.array(sorted(row for row in rows if 0 <= row < self.num_items), np.int64)


def understood(people: Sequence[Person], items: Served, *, free_text: bool) -> Mentioned:
    """The titles that people mention, found in the catalog.

    Raises:
        UsageError: there is no item of that title, and `free_text` is not allowed; names the nearest titles.
    """
    places: dict[str, int] = {}
    titles: list[str] = []
    rows: list[int] = []

    def place(title: str, who: str) -> int:
        if title not in places:
            row = items.titles.find(title)
            if row is None and not free_text:
                raise UsageError(_unknown(title, who, items))
            places[title] = len(rows)
            titles.append(title if row is None else items.known_titles[row])
            rows.append(-1 if row is None else row)
        return places[title]

    histories = [[place(title, person.name) for title in person.history] for person in people]
    skipped = [[place(title, person.name) for title in person.skipped] for person in people]
    return Mentioned(titles, rows, histories, skipped, items.items.num_items)


def _unknown(title: str, who: str, items: Served) -> str:
    nearest = " or ".join(repr(each) for each in items.titles.nearest(title))
    remedy = f"did you mean {nearest}?" if nearest else "give titles as the catalog has them"
    whose = f" of {who}" if who else ""
    return f"history{whose}: no item is called {title[:80]!r}; {remedy} (free text is read where it is allowed)"


class Told:
    """Shows the agent people of whom somebody tells.

    Args:
        cfg: the configuration, of where the agent is evaluated.
        items: what can be recommended.
        read: texts to vectors in the agent's space, [n, dim].
        hear: what people wrote of recommendations to steps of their states, [n, dim], before any gain.

    Raises:
        UsageError: the agent sees the hidden state of simulated users.
    """

    def __init__(self, cfg: DictConfig, items: Served, read: Read, hear: Read | None = None) -> None:
        from recloop.envs.observations import Collaborative, Oracle, Prompt

        self.cfg, self.items, self.read, self.hear = cfg, items, read, hear
        self.partial = instantiate(cfg.env.observation, "env.observation")
        if self.partial.func is Oracle:
            raise UsageError(
                "env.observation shows the true state, which nobody can tell of real people; train an agent with "
                "env/observation=pooled"
            )
        self.reads_texts, self.writes = self.partial.func is not Collaborative, self.partial.func is Prompt
        self.sessions = instantiate(cfg.env.sessions, "env.sessions")
        parts = [instantiate(part, f"env.dynamics.{name}") for name, part in cfg.env.dynamics.items()]
        sees = self.partial.keywords.get("sees_context", True)
        self.parts = tuple(part for part in parts if sees and part.visible)

    @property
    def half_life(self) -> float:
        """After so many interactions a liked title counts half."""
        return float(self.cfg.env.population.half_life_interactions)

    @cached_property
    def task(self) -> "Task":
        """The task as far as it says what the agent sees and does, with one user who is nobody."""
        from recloop.envs.choice import Click, MultinomialLogit
        from recloop.envs.rewards import Reward
        from recloop.envs.simulator import Simulator
        from recloop.envs.task import Task
        from recloop.envs.users import Population

        catalog, slate = self.items.items, self.items.slate
        nobody = Population(catalog.vectors[:1], np.arange(1))
        choice = Click() if slate == 1 else MultinomialLogit(slate)
        simulator = Simulator(catalog, nobody, choice, self.parts, self.sessions)
        observation = self.observation(catalog, [Person()], [[]])
        actions = {"actions": instantiate(self.cfg.env.action, "env.action")} if self.cfg.env.get("action") else {}
        return Task(simulator, observation, Reward(), self.items.slots, **actions)

    def observe(self, people: Sequence[Person], mentioned: Mentioned) -> Floats:
        """What the agent sees of `people`, [n, size].

        Raises:
            UsageError: nothing that it could go by is told of somebody.
        """
        from recloop.envs.users import take_rows

        self._refuse_unread(people)
        observation = self.observation(self.catalog(mentioned), people, mentioned.histories)
        with blaming("context"):
            users = _arriving(context_values(people, self.parts), observation.items.dim)
        steps = self._steps(people)
        seen = [
            self._seen(observation, take_rows(users, slice(row, row + 1)), mentioned, row, steps[row : row + 1])
            for row in range(len(people))
        ]
        unknown = [row for row, one in enumerate(seen) if not one[:, self.task.layout["state"]].any()]
        if unknown:
            who = people[unknown[0]].name or "this person"
            raise UsageError(
                f"nothing is told of {who} that the agent could go by; give a profile, a history or feedback"
            )
        return np.concatenate(seen)

    def arrived(self, states: Floats) -> Floats:
        """What the agent sees of users of these states [n, dim], to whom nothing was shown yet, [n, size].

        Raises:
            UsageError: the agent sees more of users, or the states are of another size.
        """
        if self.parts:
            raise UsageError("a state says nothing of the context, which the agent sees; tell of the person instead")
        dim = self.items.items.dim
        if states.ndim != 2 or states.shape[1] != dim:
            raise UsageError(f"states are {list(states.shape)}; give [n, {dim}], in the space of the agent's items")
        layout, actions = self.task.observation.layout, self.task.actions
        observations = np.zeros((len(states), max(block.stop for block in layout.values())), np.float32)
        observations[:, layout["state"]] = states
        observations[:, layout.get("recent", slice(0, 0))] = -1
        if not actions.remembers:
            return observations
        return actions.read(actions.arrive(_arriving(np.empty((len(states), 0), np.float32), dim)), observations)

    def _steps(self, people: Sequence[Person]) -> Floats:
        """How far what people wrote moves their states, zeros of those who wrote nothing, [n, dim]."""
        steps = np.zeros((len(people), self.items.items.dim), np.float32)
        rows = [row for row, person in enumerate(people) if person.feedback.strip()]
        if rows:
            if self.hear is None or not self.reads_texts or self.writes:
                raise UsageError("feedback: moves the state of an agent that reads; take a run with observation=pooled")
            if not (gain := gain_of(self.cfg)):
                raise UsageError("feedback: this agent does not read it (env.feedback.gain=0); leave it out")
            steps[rows] = gain * self.hear([people[row].feedback for row in rows])
        return steps

    def _seen(self, observation: "Observation", user: "Users", mentioned: Mentioned, row: int, step: Floats) -> Floats:
        """What the agent sees of one user, who was shown something and did not take it, and wrote of it, [1, size]."""
        from recloop.envs.observations import Pooled

        actions = self.task.actions
        memory, offered = observation.arrive(user), actions.arrive(user._replace(who=np.zeros(1, np.int64)))
        unclicked = np.zeros(1, np.float32)
        for clock, place in enumerate(mentioned.skipped[row][-(self.sessions.max_steps - 1) :], start=1):
            memory = observation.remember(memory, user._replace(clock=np.array([clock])), np.array([place]), unclicked)
            if actions.remembers:
                offered = actions.remember(offered, np.array([mentioned.shown(place)]), unclicked)
        if step.any() and isinstance(observation, Pooled):
            memory = observation.moved(memory, np.zeros(1, np.int64), step)
        seen = observation.read(memory)
        recent = seen[:, observation.layout.get("recent", slice(0, 0))]  # [1, recent] places among what is mentioned
        recent[:] = [[mentioned.shown(int(place)) if place >= 0 else -1 for place in recent[0]]]
        return actions.read(offered, seen) if actions.remembers else seen

    def _refuse_unread(self, people: Sequence[Person]) -> None:
        if not self.reads_texts and any(person.profile for person in people):
            raise UsageError("profile: the agent reads no texts (env/observation=collaborative); give a history alone")

    def catalog(self, mentioned: Mentioned) -> "Catalog":
        """The items that are mentioned, and no others; where none is, any one, for a catalog holds something."""
        from recloop.envs.catalog import Catalog

        rows = np.array(mentioned.rows or [0], np.int64)
        texts, free = mentioned.titles or [self.items.known_titles[0]], np.flatnonzero(rows < 0)
        vectors = self.items.known_vectors[rows]  # [mentioned, dim]
        if len(free):
            if not self.reads_texts:
                raise UsageError(f"history: {texts[free[0]]!r} is no item's title, and the agent reads no texts")
            vectors[free] = self.read([texts[each] for each in free])
        zeros = np.zeros(len(rows), np.float32)
        return Catalog(vectors, texts, texts, texts, zeros, zeros)

    def observation(
        self, items: "Catalog", people: Sequence[Person], histories: Sequence[Sequence[int]]
    ) -> "Observation":
        """The observation of the run's kind, of these people."""
        history = logged(histories, items.num_items)
        visible = np.arange(sum(part.columns(items) for part in self.parts)) if self.parts else None
        told: dict[str, Any] = {"items": items, "max_steps": self.sessions.max_steps, "visible": visible}
        if self.writes:
            write = instantiate(self.cfg.prompts.history, "prompts.history")
            told |= {"read": self.read, "write": write, "profiles": [person.profile for person in people]}
            told["recent_likes"] = history.recent_likes(write.max_items)
        else:
            told["history"] = history.pool(items.vectors, self.half_life)
            told["profiles"] = self.profiles(people, items.dim) if self.reads_texts else None
            told["privacy"] = None  # for who tells of themselves, and is told in return, hides nothing
        observation: Observation = self.partial(**told)
        return observation

    def profiles(self, people: Sequence[Person], dim: int) -> Floats:
        """Vectors of the profile texts, zeros where there is none, [n, dim]."""
        vectors = np.zeros((len(people), dim), np.float32)
        told = [row for row, person in enumerate(people) if person.profile.strip()]
        if told:
            vectors[told] = self.read([people[row].profile for row in told])
        return vectors


def logged(histories: Sequence[Sequence[int]], num_items: int) -> "Interactions":
    """Everybody's history as if it had been rated, all alike."""
    from recloop.envs.interactions import Interactions

    users = np.repeat(np.arange(len(histories)), [len(history) for history in histories])
    liked = np.array([each for history in histories for each in history], np.int64)
    stars, order = np.full(len(liked), _LIKED, np.float32), np.arange(len(liked))
    return Interactions(users, liked, stars, order, len(histories), num_items)


def _arriving(own: Floats, dim: int) -> "Users":
    """People who have just come, of whose hidden state nothing is known."""
    from recloop.envs.users import Users

    n = len(own)
    unknown = np.zeros((n, dim), np.float32)
    return Users(np.arange(n), unknown, unknown, unknown, np.ones(n, np.float32), np.zeros(n, np.int64), own)
