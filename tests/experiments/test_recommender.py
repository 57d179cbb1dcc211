"""What a stored agent recommends to people of whom somebody tells."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from recloop.envs.catalog import Floats, unit
from recloop.experiments import setting as settings
from recloop.experiments.errors import UsageError
from recloop.experiments.people import Person
from recloop.experiments.recommender import Recommendation, Recommender
from recloop.experiments.reevaluate import projection_of
from recloop.experiments.setting import build_setting
from recloop.experiments.stored import read_run
from recloop.experiments.told import understood
from tests.experiments import tiny
from tests.experiments.untrained import untrained

WHO = "A 24-year-old male writer."


@pytest.fixture(scope="module")
def ppo(here: Path) -> Path:
    """A trained agent."""
    words = (*tiny.settings(here / "films"), *tiny.PPO, "seed=3")
    assert tiny.recloop("train", *words, f"run_dir={here / 'ppo'}") == 0
    return here / "ppo"


@pytest.fixture(scope="module")
def recommender(ppo: Path) -> Recommender:
    return Recommender.load(ppo)


def titles(recommender: Recommender, *rows: int) -> list[str]:
    return [recommender.items.known_titles[row] for row in rows]


def items(found: Sequence[Recommendation]) -> list[int]:
    return [item for item, _, _ in found]


def test_items_are_different_and_in_the_order_of_their_scores(recommender: Recommender) -> None:
    found = recommender.recommend(WHO, titles(recommender, 3, 5), k=12)
    assert len({each.item for each in found}) == 12
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert [each.title for each in found] == titles(recommender, *items(found))


def test_the_same_is_told_of_the_same_person_by_every_process(recommender: Recommender, ppo: Path) -> None:
    history = titles(recommender, 3, 5)
    assert recommender.recommend(WHO, history) == Recommender.load(ppo).recommend(WHO, history)


def test_what_is_in_the_history_or_was_skipped_comes_again_only_where_that_is_asked_for(
    recommender: Recommender,
) -> None:
    liked, skipped = titles(recommender, *range(10)), titles(recommender, *range(10, 20))
    rest = recommender.recommend(WHO, liked, skipped=skipped, k=tiny.NUM_FILMS - 20)
    assert set(items(rest)) == set(range(20, tiny.NUM_FILMS))
    assert len(recommender.recommend(WHO, liked, skipped=skipped, k=tiny.NUM_FILMS, repeats=True)) == tiny.NUM_FILMS


@pytest.mark.parametrize("agent", [tiny.PPO, tiny.DQN], ids=["ppo", "dqn"])
def test_the_first_item_is_the_one_that_the_policy_recommends(here: Path, agent: tuple[str, ...]) -> None:
    recommender = untrained(here, agent=agent)
    rng = np.random.default_rng(0)
    states = rng.standard_normal((20, 8)).astype(np.float32)
    found = recommender.recommend_states(states, 1)
    model = recommender.ranking.model  # type: ignore[attr-defined]
    expected = model.predict(recommender.told.arrived(states), deterministic=True)[0]
    assert [each[0].item for each in found] == expected.tolist()


def test_items_lie_where_they_lay_in_training(recommender: Recommender, ppo: Path) -> None:
    run = read_run(ppo)
    task = build_setting(run.config_here, projection_of(run)).held_out
    assert task.observation.items.vectors.tobytes() == recommender.items.items.vectors.tobytes()
    assert task.observation.items.quality.tobytes() == recommender.items.items.quality.tobytes()
    assert task.observation.layout == recommender.told.task.observation.layout


def test_a_history_is_pooled_with_the_latest_first_and_the_profile_stands_beside_it(recommender: Recommender) -> None:
    person = Person("", WHO, titles(recommender, 3, 5))
    seen = recommender.told.observe([person], understood([person], recommender.items, free_text=False))[0]
    vectors, half_life = recommender.items.known_vectors, 50
    assert recommender.told.cfg.env.population.half_life_interactions == half_life
    history = unit(vectors[5] + np.float32(0.5 ** (1 / half_life)) * vectors[3])
    expected = unit(history + np.float32(0.1) * recommender.told.read([WHO])[0])
    np.testing.assert_allclose(seen[:8], expected, atol=1e-6)
    assert not seen[8:].any()


def test_what_was_skipped_changes_what_is_seen_and_how_far_the_session_is(recommender: Recommender) -> None:
    person = Person("", WHO, titles(recommender, 1), titles(recommender, 4, 5))
    before, after = (
        recommender.told.observe([each], understood([each], recommender.items, free_text=False))[0]
        for each in (person._replace(skipped=()), person)
    )
    np.testing.assert_array_equal(before[:8], after[:8])  # the state
    assert not before[8:].any()
    assert after[8:16].any()  # the exposure
    assert after[16] == pytest.approx(2 / 10)  # of the session


def test_what_people_write_moves_their_state_as_the_equation_says(recommender: Recommender) -> None:
    told, text = recommender.told, "too much fire for me, rather the sea"
    assert told.hear is not None
    silent, heard = (Person("", WHO, ["sea"], feedback=feedback) for feedback in ("", text))
    mentioned = understood([silent, heard], recommender.items, free_text=True)
    state = told.task.layout["state"]
    before, after = told.observe([silent, heard], mentioned)
    np.testing.assert_allclose(after[state], unit(before[state] + 0.3 * told.hear([text])[0]), atol=1e-5)
    np.testing.assert_array_equal(np.delete(before, state), np.delete(after, state))


def test_an_agent_that_reads_no_feedback_says_so(here: Path) -> None:
    deaf = untrained(here, "env/feedback=words", "env.feedback.gain=0")
    with pytest.raises(UsageError, match="does not read it"):
        deaf.recommend(WHO, feedback="too dark for me")


def test_who_tells_nothing_but_what_they_think_is_heard(recommender: Recommender) -> None:
    assert len(recommender.recommend(feedback="something with more sea, please", k=3)) == 3


def test_what_was_skipped_is_told_as_rows_of_the_catalog_to_a_state_that_learns_from_answers(here: Path) -> None:
    learns = untrained(here, "env/observation=session", "env.observation.recent=3", "agent.state=recurrent")
    person = Person("", WHO, titles(learns, 1), titles(learns, 5, 4))
    layout = learns.told.task.layout
    seen = learns.told.observe([person], understood([person], learns.items, free_text=False))
    np.testing.assert_array_equal(seen[:, layout["recent"]], [[-1, 5, 4]])
    np.testing.assert_array_equal(seen[:, layout["answers"]], [[0, 0, 0]])
    arrived = learns.told.arrived(seen[:, layout["state"]])
    np.testing.assert_array_equal(arrived[:, layout["recent"]], [[-1, -1, -1]])
    assert learns.recommend(WHO, person.history, skipped=person.skipped, k=2)


def test_a_person_gets_the_same_alone_and_among_others(recommender: Recommender) -> None:
    people = [Person(str(row), WHO, titles(recommender, row, row + 1)) for row in range(5)]
    together = recommender.recommend_many(people)
    for person, found in zip(people, together, strict=True):
        assert items(found) == items(recommender.recommend(person.profile, person.history))
    assert recommender.recommend_many([]) == []


def test_titles_are_found_whatever_their_case_and_punctuation(recommender: Recommender) -> None:
    (title,) = titles(recommender, 3)
    spoken = title.upper().replace(" ", " - ") + "!"
    assert recommender.recommend(WHO, [spoken]) == recommender.recommend(WHO, [title])


def test_free_text_is_read_where_that_is_allowed(recommender: Recommender) -> None:
    with pytest.raises(UsageError, match="no item is called 'a cat in the sea'"):
        recommender.recommend(WHO, ["a cat in the sea"])
    assert len(recommender.recommend(WHO, ["a cat in the sea"], free_text=True)) == 10


def test_an_unknown_title_is_answered_with_the_nearest(recommender: Recommender) -> None:
    (title,) = titles(recommender, 3)
    with pytest.raises(UsageError, match=f"did you mean '{title}'"):
        recommender.recommend(WHO, [f"{title}s"])


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "nothing is told of this person"),
        ({"profile": WHO, "k": 0}, "k is 0, but there are 40 items"),
        ({"profile": WHO, "k": 41}, "k is 41, but there are 40 items"),
        ({"profile": WHO, "context": {"time": "18:30"}}, "says 'time', but the agent sees no context"),
    ],
)
def test_a_mistake_is_named(recommender: Recommender, told: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        recommender.recommend(**told)  # type: ignore[arg-type]


def test_states_of_another_size_are_refused(recommender: Recommender) -> None:
    with pytest.raises(UsageError, match=r"states are \[2, 3\]; give \[n, 8\]"):
        recommender.recommend_states(np.zeros((2, 3), np.float32))


def test_an_agent_that_sees_the_context_is_told_of_it(here: Path) -> None:
    recommender = untrained(here, "env/dynamics=[boredom,drift,daily_rhythm,device]")
    at_night = recommender.recommend(WHO, context={"time": "23:00", "device": "phone"}, k=40)
    by_day = recommender.recommend(WHO, context={"time": "11:00", "device": "phone"}, k=40)
    assert [each.score for each in at_night] != [each.score for each in by_day]
    with pytest.raises(UsageError, match="does not say the time, which the agent sees; give time=18:30 device=phone"):
        recommender.recommend(WHO)
    with pytest.raises(UsageError, match="time is 'noon'; give hours and minutes"):
        recommender.recommend(WHO, context={"time": "noon", "device": "phone"})
    with pytest.raises(UsageError, match="a state says nothing of the context"):
        recommender.recommend_states(np.zeros((1, 8), np.float32))


def test_an_agent_that_reads_prompts_is_written_one(here: Path) -> None:
    recommender = untrained(here, "env/observation=prompt")
    texts: list[str] = []
    read = recommender.told.read

    def listening(told: Sequence[str]) -> Floats:
        texts.extend(told)
        return read(told)

    recommender.told.read = listening
    liked, skipped = titles(recommender, 1, 2)
    recommender.recommend(WHO, [liked], skipped=[skipped])
    assert texts[-1] == f"{WHO} Recently enjoyed: {liked}. Skipped: {skipped}."


def test_an_agent_of_the_true_state_cannot_recommend_to_real_people(here: Path) -> None:
    with pytest.raises(UsageError, match="true state, which nobody can tell of real people"):
        untrained(here, "env/observation=oracle")


def test_new_items_are_recommended_and_old_ones_may_be_in_the_history(here: Path) -> None:
    recommender = untrained(here, "env/catalog=new_items", "env.catalog.new_share=0.25")
    assert recommender.num_items == 10
    old = recommender.items.known_titles[10:12]
    assert len(recommender.recommend(WHO, old, k=10)) == 10


def test_what_serving_takes_is_built_once(ppo: Path, recommender: Recommender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "build_setting", None)
    assert Recommender.load(ppo).items.known_titles == recommender.items.known_titles


def test_what_was_kept_and_is_damaged_is_made_again(
    ppo: Path, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECLOOP_CACHE", str(tmp_path))
    before = Recommender.load(ppo).recommend(WHO)
    (kept,) = (tmp_path / "served").glob("*.safetensors")
    kept.write_bytes(kept.read_bytes()[:-5])
    assert Recommender.load(ppo).recommend(WHO) == before


def test_a_strangers_run_runs_nothing(ppo: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(ppo, tmp_path / "run"))
    config = (run / "config.json").read_text()
    (run / "config.json").write_text(config.replace("recloop.envs.sessions.Patience", "os.system"))
    with pytest.raises(UsageError, match=r"os\.system"):
        Recommender.load(run)


def test_a_suite_is_answered_with_where_its_agents_are(here: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        Recommender.load(here / "nowhere")
