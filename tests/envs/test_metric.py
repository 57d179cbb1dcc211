"""What is learned from ratings whose cause is known."""

import numpy as np
import pytest

from recloop.envs.effects import Effects
from recloop.envs.factors import Factors
from recloop.envs.interactions import Interactions
from recloop.envs.metric import Metric
from tests.envs.planted import language, ratings

QUICK = Metric(rank=4, ridge=10.0)


def test_the_metric_finds_the_directions_that_people_care_about() -> None:
    matrix = QUICK.fit(language(), ratings()).matrix
    weight = (matrix**2).sum(axis=1)  # [dim]
    assert weight[:2].sum() > 0.9 * weight.sum()


def test_without_taste_the_metric_stays_small() -> None:
    size = [np.linalg.norm(QUICK.fit(language(), ratings(strength)).matrix) for strength in (0.0, 4.0)]
    assert size[0] < 0.3 * size[1]


def test_an_item_never_rated_lies_where_its_text_says() -> None:
    logs, last = ratings(), 149
    whole = QUICK.place(language(), logs)
    without = QUICK.place(language(), logs.where(logs.items != last))
    near = whole @ whole[last] > 0.9
    near[last] = False
    assert near.any()
    assert (without[near] @ without[last]).mean() > 0.8


def test_an_item_has_factors_of_its_own_where_it_was_rated_and_nowhere_else() -> None:
    logs, last = ratings(), 149
    found = QUICK.fit(language(), logs.where(logs.items != last))
    own = found.items - language() @ found.matrix
    np.testing.assert_allclose(own[last], 0, atol=1e-12)
    assert np.abs(own[:last]).max(axis=1).min() > 0


def test_what_no_text_says_of_items_is_learned_from_their_ratings() -> None:
    logs = ratings(strength=4.0)
    texts_of_others = language()[np.random.default_rng(0).permutation(150)]
    residuals = Effects.fit(logs, texts_of_others).residuals(logs)

    def unexplained(own: float) -> float:
        found = Metric(rank=4, ridge=10.0, own=own).fit(texts_of_others, logs)
        return float(np.var(residuals - (found.users[logs.users] * found.items[logs.items]).sum(axis=1)))

    assert unexplained(own=0.3) < 0.8 * unexplained(own=1e-6)


def test_a_rank_above_the_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="rank is 13, but the vectors have 12 numbers"):
        Metric(rank=13).fit(language(), ratings())


@pytest.mark.parametrize("space", [QUICK, Factors(rank=4)])
def test_places_are_unit_vectors_and_come_back_bit_by_bit(space: Metric | Factors) -> None:
    vectors = space.place(language(), ratings())
    assert vectors.shape == (150, 4)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(space.place(language(), ratings()), vectors)


def test_factors_never_read_a_text() -> None:
    logs = ratings()
    one, other = Factors().place(language(), logs), Factors().place(-language()[::-1], logs)
    np.testing.assert_array_equal(one, other)


def test_factors_bring_together_what_the_same_people_like() -> None:
    vectors, placed = language()[:, :2], Factors(rank=4).place(language(), ratings())
    alike = (vectors @ vectors.T) / np.outer(*[np.linalg.norm(vectors, axis=1)] * 2)
    above = np.triu_indices(150, 1)
    assert np.corrcoef(alike[above], (placed @ placed.T)[above])[0, 1] > 0.5


def test_effects_of_a_table_that_is_a_sum_are_its_terms_but_for_shrinkage() -> None:
    users, items = (grid.ravel() for grid in np.meshgrid(np.arange(400), np.arange(300), indexing="ij"))
    stars = (3 + 0.5 * (users % 2) - (items % 3 == 0)).astype(np.float32)
    effects = Effects.fit(Interactions.sort(users, items, stars, 0 * users, 400, 300))
    np.testing.assert_allclose(np.ptp(effects.item), 1, rtol=0.05)
    np.testing.assert_allclose(np.ptp(effects.user), 0.5, rtol=0.05)


def test_an_item_never_rated_has_the_effect_that_items_with_its_text_have() -> None:
    logs = ratings(strength=0.0)
    vectors = np.eye(2, dtype=np.float32)[np.arange(150) % 2]
    stars = np.where(logs.items % 2 == 0, 4.0, 2.0).astype(np.float32)
    logs = Interactions(logs.users, logs.items, stars, logs.times, 120, 150).where(logs.items > 1)
    assert np.diff(Effects.fit(logs, vectors).item[:2]) == pytest.approx(-2, abs=0.4)
    np.testing.assert_array_equal(Effects.fit(logs).item[:2], 0)
