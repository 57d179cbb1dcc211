"""What the state and the exposure of one person are the sums of, and what they would be with a part left out."""

from functools import cached_property
from itertools import pairwise

import numpy as np

from recloop.agents.policy import Floats
from recloop.experiments.errors import UsageError
from recloop.experiments.people import Person
from recloop.experiments.shapley import Doubles, Masks, shapley_values
from recloop.experiments.told import Mentioned, Read, Told, logged

MOST_TITLES = 256
"""Of a history; older ones count little, and each is a part of its own."""

MOST_WORDS = 12
"""Parts of a profile: its words, or as many phrases of equal length."""

_EXACT_WORDS, _ORDERS = 6, 4
"""A language model reads every coalition of words, which takes time."""


class Ingredients:
    """The parts of what the agent sees of one person.

        state    = (sum over titles of w_i v_i / |sum_i w_i v_i| + profile_weight * p) / norm
        exposure = sum over what was skipped of (1 - decay) * gain * decay ** age_j * v_j

    Given the lengths that are divided by, the state is linear in the vectors v_i of the titles and in the vector p of
    the profile, so each part adds a vector of its own. A model reads the words of the profile together; what each
    adds to p is its Shapley value, where words that are left out are cut from the text.

    Args:
        told: shows the agent people.
        person: who it is.
        mentioned: by this person, and nobody else.

    Raises:
        UsageError: the state is no such sum, or the history is too long.
    """

    def __init__(self, told: Told, person: Person, mentioned: Mentioned) -> None:
        from recloop.envs.observations import Pooled

        if not isinstance(told.task.observation, Pooled):
            raise UsageError(
                "env.observation: the agent reads a whole text at once, which is no sum over a history; explain a run "
                "with env/observation=pooled"
            )
        if (titles := len(mentioned.histories[0])) > MOST_TITLES:
            raise UsageError(f"history has {titles} titles; explain by the last {MOST_TITLES} at most")
        self.told, self.person, self.mentioned = told, person, mentioned
        self.rules: Pooled = told.task.observation

    @property
    def titles(self) -> list[str]:
        """The history, oldest first."""
        return [self.mentioned.titles[place] for place in self.mentioned.histories[0]]

    @property
    def skipped(self) -> list[str]:
        """What was shown and not taken, oldest first."""
        return [self.mentioned.titles[place] for place in self.mentioned.skipped[0]]

    @cached_property
    def has_profile(self) -> bool:
        """Whether a profile counts."""
        return bool(self.person.profile.strip()) and self.told.reads_texts and self.rules.profile_weight != 0

    @cached_property
    def of_titles(self) -> Doubles:
        """What each title of the history adds to the state, [titles, dim]."""
        return self._liked / self._norm

    @cached_property
    def of_profile(self) -> Doubles:
        """What the profile adds to the state, [dim]."""
        return self._profile / self._norm

    @cached_property
    def of_skipped(self) -> Doubles:
        """What each thing that was skipped adds to the exposure, [skipped, dim]."""
        skipped, rules = self.mentioned.skipped[0], self.rules
        vectors = self._vectors[skipped].astype(np.float64)
        age = np.arange(len(skipped))[::-1, None]
        remembered = np.where(age < rules.max_steps - 1, rules.decay**age, 0.0)
        found: Doubles = (1 - rules.decay) * rules.gain * remembered * vectors
        return found

    def words(self, read: Read, rng: np.random.Generator) -> tuple[list[str], Doubles]:
        """The words of the profile, or its phrases, and what each adds to the state, [words, dim].

        Args:
            read: texts to vectors, many at once.
            rng: draws the orders in which words come, where there are many.
        """
        phrases = phrases_of(self.person.profile)
        whole = self.of_profile

        def game(kept: Masks) -> Doubles:
            worth = np.zeros((len(kept), len(whole)))
            some = kept.any(axis=1) & ~kept.all(axis=1)
            texts = [" ".join(np.array(phrases, object)[row]) for row in kept[some]]
            if texts:
                worth[some] = self.rules.profile_weight / self._norm * read(texts)
            worth[kept.all(axis=1)] = whole
            return worth

        return phrases, shapley_values(game, len(phrases), rng, _EXACT_WORDS, _ORDERS)

    def states(self, kept: Masks) -> Floats:
        """The states in which this person would arrive without some titles of the history, or without the profile.

        Args:
            kept: which titles are kept, and in the last column whether the profile is, [n, titles + 1].

        Returns:
            Unit vectors [n, dim]; zeros where nothing is left.
        """
        from recloop.envs.catalog import unit

        places = np.array(self.mentioned.histories[0], np.int64)
        histories = [places[row].tolist() for row in kept[:, :-1]]
        pooled = logged(histories, len(self._vectors)).pool(self._vectors, self.told.half_life)
        profiles = np.where(kept[:, -1:], self._profile.astype(np.float32), np.float32(0))
        return unit(unit(np.float32(self.rules.history_weight) * pooled) + profiles)

    @cached_property
    def _vectors(self) -> Floats:
        return self.told.catalog(self.mentioned).vectors

    @cached_property
    def _liked(self) -> Doubles:
        """Of each title before the state is scaled to length one, [titles, dim]."""
        history = logged(self.mentioned.histories, len(self._vectors))
        weighted = history.weights(self.told.half_life)[:, None] * self._vectors[history.items].astype(np.float64)
        length = max(float(np.linalg.norm(weighted.sum(axis=0))), 1e-9)
        found: Doubles = weighted * (np.sign(self.rules.history_weight) / length)  # which only turns it on or off
        return found

    @cached_property
    def _profile(self) -> Doubles:
        """Of the profile before the state is scaled to length one, [dim]."""
        if not self.has_profile:
            return np.zeros(self._vectors.shape[1])
        (read,) = self.told.profiles([self.person], self._vectors.shape[1])
        found: Doubles = self.rules.profile_weight * read.astype(np.float64)
        return found

    @cached_property
    def _norm(self) -> float:
        return max(float(np.linalg.norm(self._liked.sum(axis=0) + self._profile)), 1e-9)


def phrases_of(profile: str) -> list[str]:
    """The words of a text, or where there are more than `MOST_WORDS`, as many phrases of neighbouring words."""
    words = profile.split()
    bounds = np.linspace(0, len(words), min(len(words), MOST_WORDS) + 1).round().astype(int)
    return [" ".join(words[start:end]) for start, end in pairwise(bounds.tolist())]
