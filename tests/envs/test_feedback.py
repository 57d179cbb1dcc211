"""What users write, in a world small enough to do by hand, and how it moves the state."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recloop.envs.catalog import Catalog, Floats
from recloop.envs.checks import check
from recloop.envs.feedback import Feedback, Remarks, Writer
from recloop.envs.observations import Prompt
from recloop.envs.simulator import Response
from recloop.envs.task import Task
from recloop.envs.users import Users, take_rows
from recloop.envs.vector import RecommendVectorEnv

ATTRIBUTES = [["Comedy"], ["War"], ["Comedy", "Film-Noir"]]  # of items A (1, 0), B (0, 1), C (0.6, 0.8)
ALWAYS, NEVER = np.zeros(1, np.float32), np.array([0.9 / 4096], np.float32)


@pytest.fixture
def writer(plane: Catalog) -> Writer:
    return Remarks(chance=0.5).of(plane, ATTRIBUTES)


def someone(taste: tuple[float, float], exposure: tuple[float, float] = (0, 0)) -> Users:
    felt, seen = np.array([taste], np.float32), np.array([exposure], np.float32)
    nothing = np.zeros(1, np.int64)
    return Users(nothing, felt, felt, seen, np.ones(1, np.float32), nothing, np.empty((1, 0), np.float32))


def said(writer: Writer, users: Users, item: int, click: float = 0, cost: float = 0, quality: float = 0) -> str:
    answer = [np.array([value], np.float32) for value in (click, 0.5, 0, cost)]
    qualities = np.full(3, quality, np.float32)
    number = int(writer.write(users, np.array([item]), Response(*answer), qualities, ALWAYS)[0])
    return writer.texts[number]


def test_a_word_is_the_direction_of_the_items_that_have_it(writer: Writer) -> None:
    assert writer.words == ("comedy", "film-noir", "war")
    comedy = np.array([1.6, 0.8]) / np.hypot(1.6, 0.8)  # (1, 0) + (0.6, 0.8)
    np.testing.assert_allclose(writer.directions, [comedy, [0.6, 0.8], [0, 1]], rtol=1e-6)


def test_who_clicks_praises_the_word_of_the_item_that_the_taste_likes_most(writer: Writer) -> None:
    assert said(writer, someone((1, 0)), item=2, click=1) == "I love this comedy."
    assert said(writer, someone((0, 1)), item=2, click=1) == "I love this film-noir."


def test_who_does_not_like_it_names_the_worst_word_of_the_item_and_the_best_of_the_others(writer: Writer) -> None:
    assert said(writer, someone((1, 0)), item=1) == "Too much war for me, I would rather see comedy."
    assert said(writer, someone((0, 1)), item=2) == "Too much comedy for me, I would rather see war."


def test_who_is_bored_says_of_what_they_have_seen_too_much(writer: Writer) -> None:
    bored = said(writer, someone((0.6, 0.8), (0, 2)), item=2, cost=0.2)
    assert bored == "Too much film-noir lately, something with war?"


def test_a_wish_is_less_what_was_shown_of_late(writer: Writer) -> None:
    """<t, g> is 0.89 for comedy, 0.6 for film-noir; less 0.4 * 4 of each, -0.54 and -0.36."""
    assert said(writer, someone((1, 0)), item=1).endswith("comedy.")
    assert said(writer, someone((1, 0), (4, 0)), item=1).endswith("film-noir.")


def test_a_poor_film_is_called_so(writer: Writer) -> None:
    assert said(writer, someone((0, 1)), item=0, quality=-2) == "Show me better war than that."


def test_people_may_write_a_word_in_their_own_way(plane: Catalog) -> None:
    writer = Remarks(liked="喜欢{more}。", words={"comedy": "喜剧片", "war": "战争片"}).of(plane, ATTRIBUTES)
    assert writer.words == ("喜剧片", "film-noir", "战争片")
    assert said(writer, someone((1, 0)), item=2, click=1) == "喜欢喜剧片。"


def test_an_author_s_sentences_stand_where_words_stood(writer: Writer) -> None:
    own = replace(
        writer,
        remarks=Remarks(liked="{more}", bored="{less} {more}"),
        more=("Make me laugh.", "Darker!", "Guns."),
        less=("No jokes.", "Less rain.", "Peace."),
    )
    assert said(own, someone((1, 0)), item=2, click=1) == "Make me laugh."
    assert said(own, someone((0.6, 0.8), (0, 2)), item=2, cost=0.2) == "Less rain. Guns."


def test_the_low_bits_of_the_noise_decide_who_writes(writer: Writer) -> None:
    users, answer = someone((1, 0)), Response(*[np.zeros(1, np.float32)] * 4)
    noise = np.array([1000.25 / 4096, 1000.75 / 4096], np.float32)
    numbers = [writer.write(users, np.array([1]), answer, np.zeros(3, np.float32), each[None]) for each in noise]
    assert [number[0] >= 0 for number in numbers] == [True, False]


def test_people_write_as_often_as_they_are_said_to_whether_they_click_or_not(writer: Writer) -> None:
    n, rng = 20_000, np.random.default_rng(0)
    users = take_rows(someone((1, 0)), np.zeros(n, np.int64))
    noise = rng.random(n, np.float32)
    clicked = (noise < 0.3).astype(np.float32)
    zeros = np.zeros(n, np.float32)
    wrote = writer.write(users, np.ones(n, np.int64), Response(clicked, zeros, zeros, zeros), zeros[:3], noise) >= 0
    assert wrote[clicked > 0].mean() == pytest.approx(0.5, abs=0.03)
    assert wrote[clicked == 0].mean() == pytest.approx(0.5, abs=0.03)


def feedback(task: Task, chance: float = 1.0, attributes: object = None) -> Feedback:
    """Every text moves the state by a step of its own."""
    items = task.simulator.world.num_items
    words = attributes or [[f"genre {item % 5}", f"mood {item % 3}"] for item in range(items)]
    writer = Remarks(chance=chance).of(task.simulator.world, words)  # type: ignore[arg-type]
    steps = np.random.default_rng(0).normal(size=(len(writer.texts), task.observation.items.dim)).astype(np.float32)
    return Feedback(writer, steps)


def test_what_is_written_moves_the_state_as_the_equation_says(task: Task) -> None:
    heard = replace(task, feedback=feedback(task, attributes=ATTRIBUTES))
    assert heard.feedback is not None
    session = heard.arrive(task.simulator.draw(1, np.random.default_rng(0)))  # likes A; believed to like B
    after, _ = heard.step(session, np.array([1]), NEVER + np.float32(0.99))
    writer = heard.feedback.writer
    number = writer.texts.index("Too much war for me, I would rather see comedy.")
    expected = np.array([0, 1]) + heard.feedback.steps[number]
    np.testing.assert_allclose(heard.read(after)[0, :2], expected / np.linalg.norm(expected), rtol=1e-5)


def test_who_never_writes_is_observed_to_the_bit_as_without_feedback(task: Task) -> None:
    silent = replace(task, feedback=feedback(task, chance=0.0, attributes=ATTRIBUTES))
    envs = [RecommendVectorEnv(8, each) for each in (task, silent)]
    for env in envs:
        env.reset(seed=3)
    for step in range(12):
        plain, heard = (env.step(np.full(8, step % 3))[0] for env in envs)
        np.testing.assert_array_equal(plain, heard)


@pytest.mark.parametrize("slate", [1, 3])
def test_a_task_with_users_who_write_keeps_the_contract(slate: int) -> None:
    task = Task.synthetic(24, 4, max_steps=6, slate=slate)
    check(replace(task, feedback=feedback(task, chance=0.4)))


def test_items_that_go_take_their_words_along(task: Task) -> None:
    heard = replace(task, feedback=feedback(task, attributes=ATTRIBUTES)).offering(np.array([2, 0]))
    assert heard.feedback is not None
    np.testing.assert_array_equal(heard.feedback.writer.has, [[True, True, False], [True, False, False]])


def test_who_sees_the_true_state_need_not_read(task: Task) -> None:
    heard = replace(task, feedback=feedback(task, attributes=ATTRIBUTES))
    assert heard.seeing_everything().feedback is None


def test_a_prompt_state_is_not_moved(task: Task) -> None:
    def read(texts: object) -> Floats:
        return np.zeros((1, 2), np.float32)

    prompt = Prompt(task.observation.items, read, lambda *parts: "", [""], np.array([[-1]]), 5)
    with pytest.raises(ValueError, match="choose env/observation=pooled"):
        replace(task, observation=prompt, feedback=feedback(task, attributes=ATTRIBUTES))


@given(chance=st.floats(allow_nan=True).filter(lambda value: not 0 <= value <= 1))
def test_a_chance_that_is_none_is_refused(chance: float) -> None:
    with pytest.raises(ValueError, match="give a probability"):
        Remarks(chance=chance)


@pytest.mark.parametrize("template", ["Fine.", "{more.__class__}", "{more!r}", "{what}", "{more", "{more:9}"])
def test_a_template_takes_the_plain_fields_alone(template: str) -> None:
    with pytest.raises(ValueError, match=r"^liked is "):
        Remarks(liked=template)


def test_items_without_words_are_refused(plane: Catalog) -> None:
    with pytest.raises(ValueError, match="give each one or more"):
        Remarks().of(plane, [["a"], ["b"], []])
