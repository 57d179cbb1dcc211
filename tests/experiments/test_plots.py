import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from recloop.envs.made import Made
from recloop.experiments import plots
from recloop.experiments.planning_gap import GREEDY_ORACLE, PLANNER
from recloop.experiments.plots import learning_curves, reward_along_session, spread, taste_map
from recloop.experiments.sessions import Curve, Played
from recloop.experiments.svg import GRID, INK, MUTED, policy_colours, standalone

Draw = Callable[[], str]


@pytest.fixture(params=["learning", "rewards", "taste"])
def draw(request: pytest.FixtureRequest, played: list[Played], vectors: NDArray[np.float64]) -> Draw:
    references = {GREEDY_ORACLE: 4.0, PLANNER: 9.0}
    groups = [f"group {item % 8}" for item in range(len(vectors))]
    drawings: dict[str, Draw] = {
        "learning": lambda: learning_curves(played, references, np.random.default_rng(0)),
        "rewards": lambda: reward_along_session(played),
        "taste": lambda: taste_map(played, vectors, groups),
    }
    return drawings[request.param]


def test_a_drawing_is_the_same_bytes_when_made_again(draw: Draw) -> None:
    assert draw() == draw()


def test_a_drawing_follows_the_theme_and_names_no_time_and_no_version(draw: Draw) -> None:
    svg = draw()
    assert "var(--ink)" in svg
    assert "var(--grid)" in svg or "var(--muted)" in svg
    assert not any(stand_in in svg for stand_in in (INK, MUTED, GRID, "#000000", "#ffffff"))
    assert "metadata" not in svg
    assert "Matplotlib" not in svg


def test_a_drawing_is_well_formed_and_says_what_it_is(draw: Draw) -> None:
    root = ElementTree.fromstring(standalone(draw()).encode())
    assert root.get("role") == "img"
    assert root.get("aria-label")


def test_every_reference_inside_a_drawing_is_found_inside_it(draw: Draw) -> None:
    svg = draw()
    defined = set(re.findall(r'\bid="([^"]+)"', svg))
    used = set(re.findall(r'href="#([^"]+)"|url\(#([^)]+)\)', svg))
    assert {a or b for a, b in used} <= defined


def test_no_two_drawings_share_an_id(played: list[Played], vectors: NDArray[np.float64]) -> None:
    drawings = reward_along_session(played), taste_map(played, vectors, ["all"] * len(vectors))
    one, other = (set(re.findall(r'\bid="([^"]+)"', svg)) for svg in drawings)
    assert one
    assert not one & other


def test_the_users_own_matplotlib_settings_change_nothing(played: list[Played]) -> None:
    import matplotlib as mpl

    plain = reward_along_session(played)
    with mpl.rc_context({"lines.linewidth": 9, "font.size": 30, "axes.facecolor": "red", "svg.fonttype": "none"}):
        assert reward_along_session(played) == plain


def test_seeds_that_were_evaluated_at_different_steps_share_those_in_common(played: list[Played]) -> None:
    ppo = played[2]
    short = Curve(np.array([0, 1000], np.int32), np.array([1, 7], np.float32))
    trimmed = [ppo._replace(curves=(short, *ppo.curves[1:]))]
    both = [
        ppo._replace(
            curves=(short, *(Curve(curve.steps[[0, 2]], curve.clicks_per_session[[0, 2]]) for curve in ppo.curves[1:]))
        )
    ]
    rng = np.random.default_rng
    assert learning_curves(trimmed, {}, rng(0)) == learning_curves(both, {}, rng(0))


def test_a_single_seed_has_a_line_and_no_band(played: list[Played]) -> None:
    ppo = played[2]
    bands = [
        learning_curves([ppo._replace(curves=ppo.curves[:seeds])], {}, np.random.default_rng(0)).count("FillBetween")
        for seeds in (1, 3)
    ]
    assert bands[0] < bands[1]


def test_a_dot_on_the_taste_map_grows_with_the_items_share(played: list[Played], vectors: NDArray[np.float64]) -> None:
    [sessions] = played[0].sessions
    always = played[0]._replace(sessions=(sessions._replace(items=np.zeros_like(sessions.items)),))
    everywhere, one_place = (
        max(float(width) for width in re.findall(r"stroke-width: ([\d.]+)", svg))
        for svg in (taste_map([policy], vectors, ["all"] * len(vectors)) for policy in (played[0], always))
    )
    assert everywhere < 15
    assert one_place == 60  # points, for an item that has every recommendation


def test_a_policy_keeps_its_colour_whoever_else_is_in_the_plot() -> None:
    alone = policy_colours([("PPO", "observed")])
    among = policy_colours([("LinUCB", "observed"), ("PPO", "true state"), ("PPO", "observed")])
    assert alone["PPO", "observed"] == among["PPO", "observed"] == among["PPO", "true state"]
    assert among["LinUCB", "observed"] != among["PPO", "observed"]


def test_labels_that_would_overlap_are_pushed_apart_around_their_middle() -> None:
    np.testing.assert_allclose(spread(np.array([0.5, 0.5, 0.9]), 0.1), [0.45, 0.55, 0.9])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_labels_keep_their_order_and_their_distance(values: list[float]) -> None:
    places = spread(np.sort(values), 0.05)
    assert (np.diff(places) >= 0.05 - 1e-9).all()


def test_of_a_large_catalog_what_was_recommended_is_drawn_and_a_part_of_the_rest(played: list[Played]) -> None:
    played = [one._replace(sessions=tuple(s._replace(items=s.items * 30_000) for s in one.sessions)) for one in played]
    vectors = np.random.default_rng(0).normal(size=(1_000_000, 4)).astype(np.float32)
    renumbered, rows = plots._thinned(played, len(vectors))
    assert len(rows) < plots.MOST_DOTS
    for one, other in zip(played, renumbered, strict=True):
        for before, after in zip(one.sessions, other.sessions, strict=True):
            np.testing.assert_array_equal(rows[after.items], before.items)
    assert "<svg" in plots.taste_map(played[:2], vectors, Made(len(vectors), lambda row: f"group {row % 9}"))
