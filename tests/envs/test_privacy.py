"""The Gaussian mechanism."""

from math import erf, exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.envs.catalog import Catalog, unit
from recloop.envs.observations import Pooled
from recloop.envs.privacy import Gaussian, delta_of, least_sigma


def test_without_epsilon_delta_is_how_far_two_bells_lie_apart() -> None:
    """At epsilon 0 it is the total variation: 2 Phi(s / 2 sigma) - 1, the chance of one standard deviation."""
    assert delta_of(0.5, 0.0, 1.0) == pytest.approx(erf(1 / sqrt(2)))


def test_the_noise_for_epsilon_1_by_the_formula_of_the_paper() -> None:
    sigma = least_sigma(1.0, 1e-5, 1.0)
    assert sigma == pytest.approx(3.7304, abs=1e-3)  # the textbook's is 4.845

    def phi(at: float) -> float:
        return (1 + erf(at / sqrt(2))) / 2

    assert phi(0.5 / sigma - sigma) - exp(1) * phi(-0.5 / sigma - sigma) == pytest.approx(1e-5, rel=1e-3)


@given(st.floats(0.01, 1000), st.floats(1e-9, 0.1), st.floats(0.01, 100))
def test_it_is_enough_and_hardly_less_would_be(epsilon: float, delta: float, sensitivity: float) -> None:
    sigma = least_sigma(epsilon, delta, sensitivity)
    assert delta_of(sigma, epsilon, sensitivity) <= delta * (1 + 1e-6)
    assert delta_of(0.999 * sigma, epsilon, sensitivity) > delta


@given(st.floats(0.01, 1), st.floats(1e-9, 0.1))
def test_it_is_less_than_the_textbook_s(epsilon: float, delta: float) -> None:
    assert least_sigma(epsilon, delta, 1.0) < sqrt(2 * log(1.25 / delta)) / epsilon


def test_no_test_tells_two_users_apart_more_often_than_is_promised() -> None:
    """The best test of two vectors 2 clip apart is a threshold on the line between them."""
    mechanism, rng = Gaussian(1.0, 0.01), np.random.default_rng(0)
    noise = mechanism.sigma * rng.standard_normal(400_000)
    for threshold in np.linspace(-2, 3 * mechanism.sigma, 20):
        one, other = (noise + 1 > threshold).mean(), (noise - 1 > threshold).mean()
        assert one <= exp(1.0) * other + 0.01 + 0.002


def test_what_is_released_are_directions_with_noise_of_that_size() -> None:
    mechanism = Gaussian(50.0, 1e-4)
    vectors = np.tile(np.eye(8, dtype=np.float32)[:1], (20_000, 1))
    released = mechanism.protect(vectors)
    np.testing.assert_allclose(np.linalg.norm(released, axis=1), 1, atol=1e-5)
    angle = released[:, 1] / released[:, 0]  # sigma * z / (1 + sigma * z')
    assert np.median(np.abs(angle)) == pytest.approx(0.6745 * mechanism.sigma, rel=0.1)


def test_long_vectors_are_cut_and_scale_makes_no_difference() -> None:
    vectors = np.random.default_rng(0).normal(size=(5, 8)).astype(np.float32)
    plain = Gaussian(9.0, 1e-4).protect(unit(vectors))
    np.testing.assert_allclose(Gaussian(9.0, 1e-4).protect(100 * unit(vectors)), plain, atol=1e-6)
    halved = Gaussian(9.0, 1e-4, clip=0.5).protect(unit(vectors))
    np.testing.assert_allclose(halved, plain, atol=1e-6)


def test_noise_comes_from_the_seed_and_each_user_has_their_own() -> None:
    vectors = np.tile(np.eye(4, dtype=np.float32)[:1], (3, 1))
    assert Gaussian(1.0, 1e-4).protect(vectors).tobytes() == Gaussian(1.0, 1e-4).protect(vectors).tobytes()
    assert Gaussian(1.0, 1e-4).protect(vectors).tobytes() != Gaussian(1.0, 1e-4, seed=1).protect(vectors).tobytes()
    assert len(np.unique(Gaussian(1.0, 1e-4).protect(vectors), axis=0)) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epsilon": 0.0}, "epsilon is 0.0; give a number above 0"),
        ({"epsilon": float("inf")}, "epsilon is inf; give a number above 0"),
        ({"epsilon": 1.0, "delta": 1.0}, "delta is 1.0; give a number above 0 and below 1"),
        ({"epsilon": 1.0, "clip": -1.0}, r"clip is -1\.0; give a number above 0"),
        ({"epsilon": 1.0, "seed": -1}, "seed is -1; give a whole number"),
    ],
)
def test_what_protects_nobody_is_refused(given: dict[str, float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Gaussian(**{"delta": 1e-4, **given})  # type: ignore[arg-type]


def test_states_at_arrival_are_what_is_released_whoever_nothing_is_known_of_among_them() -> None:
    history = unit(np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32))
    history[3] = 0
    names = [str(item) for item in range(6)]
    nothing = np.zeros(6, np.float32)
    items = Catalog(np.eye(8, dtype=np.float32)[:6], names, names, names, nothing, nothing)
    plain, private = (Pooled(items, history, 10, privacy=privacy) for privacy in (None, Gaussian(3.0, 1e-4)))
    assert private.known.tobytes() == Gaussian(3.0, 1e-4).protect(plain.known).tobytes()
    assert not plain.known[3].any()
    assert private.known[3].any()
