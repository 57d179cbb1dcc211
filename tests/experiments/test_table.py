from io import StringIO
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from recloop.experiments.planning_gap import HEURISTIC, RANDOM
from recloop.experiments.sessions import Played
from recloop.experiments.statistics import Estimate
from recloop.experiments.table import bounds, closed_lines, environment_line, number, print_table, summarise


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_the_table_has_a_row_a_policy_in_the_order_played(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    table = summarise(played, vectors, popularity, rng()).table
    assert list(table["policy"]) == [one.policy for one in played]
    assert list(table["seeds"]) == [1, 1, 3, 1, 1, 1]
    assert list(table["planning_credit"]) == pytest.approx([-0.6, 0.5, 0.6, 0, 0.8, 1], abs=0.15)
    assert (table["ci_low"] <= table["clicks_per_session"]).all()
    assert (table["clicks_per_session"] <= table["ci_high"]).all()
    assert table["clicks_per_session"][0] == pytest.approx(played[0].sessions[0].clicks.sum() / 60)


def test_credit_intervals_come_from_the_same_resamples_as_the_references(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    table = summarise(played, vectors, popularity, rng()).table.set_index(["policy", "sees"])
    assert tuple(table.loc[("rollout planner", "true state"), ["credit_low", "credit_high"]]) == (1, 1)
    assert tuple(table.loc[("greedy oracle", "true state"), ["credit_low", "credit_high"]]) == (0, 0)


def test_a_failed_seed_pulls_the_figure_down_and_is_counted(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    whole = summarise(played, vectors, popularity, rng()).table
    first, *rest = played[2].sessions
    failed = first._replace(clicks=np.full_like(first.clicks, np.nan), items=np.full_like(first.items, -1))
    played[2] = played[2]._replace(sessions=(failed, *rest))
    table = summarise(played, vectors, popularity, rng()).table
    assert list(table["failed_seeds"]) == [0, 0, 1, 0, 0, 0]
    assert table["clicks_per_session"][2] < whole["clicks_per_session"][2] - 1
    assert np.isnan(table["worst_seed"][2])
    assert table["coverage"][2] > 0.9  # described by the seeds that played


def test_two_policies_of_one_name_and_view_are_refused(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    with pytest.raises(ValueError, match=r"two policies are called random \(-\)"):
        summarise([*played, played[0]], vectors, popularity, rng())


def test_a_policy_that_met_other_users_is_refused(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    [sessions] = played[1].sessions
    played[1] = played[1]._replace(sessions=(sessions._replace(users=sessions.users + 1),))
    with pytest.raises(ValueError, match=r"boredom-aware heuristic \(observed\) met other users than random"):
        summarise(played, vectors, popularity, rng())


def test_the_terminal_shows_figures_intervals_label_and_stamp(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    summary, screen = summarise(played, vectors, popularity, rng()), StringIO()
    print_table(summary, Console(file=screen, width=140))
    lines = screen.getvalue().splitlines()
    row = summary.table.iloc[2]
    shown = " ".join(next(line for line in lines if line.startswith("PPO")).split())
    assert shown.startswith(f"PPO observed 3 {row.clicks_per_session:.1f} [{row.ci_low:.1f}, {row.ci_high:.1f}]")
    assert any(line.startswith("environment: PLANNING (planning gap 0.") for line in lines)
    assert any(line.startswith("EXPLORATORY: 3 seeds") for line in lines)
    assert max(map(len, lines[: 1 + len(played)])) <= 130


def test_the_terminal_shows_what_was_recommended_in_a_table_of_its_own(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    summary, screen = summarise(played, vectors, popularity, rng()), StringIO()
    print_table(summary, Console(file=screen, width=130))
    second = screen.getvalue().rpartition("\n\n")[2].splitlines()
    headings = " ".join(second[0].split())
    assert headings == "policy sees length distinct repeats diversity narrows coverage effective Gini popular novelty"
    assert second[3].split()[:2] == ["PPO", "observed"]
    assert len(second) == 1 + len(played)
    assert max(map(len, second)) <= 130


def test_a_collapsed_agent_is_said_last_and_in_red_and_a_collapsed_baseline_without_colour(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    for row in (1, 2):
        whole = tuple(one._replace(items=np.zeros_like(one.items)) for one in played[row].sessions)
        played[row] = played[row]._replace(sessions=whole)
    screen = StringIO()
    console = Console(file=screen, width=140, force_terminal=True, color_system="standard")
    print_table(summarise(played, vectors, popularity, rng()), console)
    agent, baseline = screen.getvalue().splitlines()[-2:]
    assert agent.startswith("\x1b[1;31mCOLLAPSED: PPO (observed), 3 of 3 seeds: 1.0 different items a session; ")
    assert baseline.startswith("collapsed: boredom-aware heuristic (observed): 1.0 different items a session")


def test_trained_agents_stand_out_in_the_terminal(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    screen = StringIO()
    console = Console(file=screen, width=140, force_terminal=True, color_system="standard")
    print_table(summarise(played, vectors, popularity, rng()), console)
    bold = [line for line in screen.getvalue().splitlines() if line.startswith("\x1b[1m")]
    assert len(bold) == 2  # in both tables
    assert all("PPO" in line for line in bold)


def test_names_with_brackets_are_printed_as_they_are(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    played[2], screen = played[2]._replace(policy="PPO [bold]"), StringIO()
    print_table(summarise(played, vectors, popularity, rng()), Console(file=screen, width=140))
    assert "PPO [bold]" in screen.getvalue()


def test_the_environment_line_names_gap_uplift_and_information_gap(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    line = environment_line(summarise(played, vectors, popularity, rng()).judgement)
    assert line.startswith("environment: PLANNING (planning gap 0.")
    assert ", uplift +1" in line  # 0.9 / 0.4 is +125 %
    assert line.endswith(f"] clicks ({HEURISTIC})")


def test_what_agents_close_of_an_information_gap_is_said_unless_it_is_nothing_or_the_whole(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    summary = summarise(played, vectors, popularity, rng())
    key = (played[2].policy, played[2].sees)
    for share, lines in ((0.5, 1), (1.5, 0), (-0.5, 0)):
        closed = {HEURISTIC: {key: Estimate(share, share, share)}}
        told = closed_lines(summary._replace(judgement=summary.judgement._replace(closed=closed)))
        assert told == [f"closed of the information gap of the {HEURISTIC}: {key[0]} 0.50"][:lines]


def test_without_references_the_environment_line_says_what_is_missing(
    played: list[Played], vectors: NDArray[np.float64], popularity: NDArray[Any]
) -> None:
    judgement = summarise([one for one in played if one.key != RANDOM], vectors, popularity, rng()).judgement
    assert "planning gap not measured: it takes random" in environment_line(judgement)


def test_an_undefined_figure_is_a_dash_and_an_interval_without_width_is_left_out() -> None:
    assert number(np.nan, ".1f") == "–"
    assert bounds(np.nan, np.nan, ".1f") == ""
    assert bounds(1, 1, ".1f") == ""
    assert bounds(0.25, 1, ".2f") == "[0.25, 1.00]"
