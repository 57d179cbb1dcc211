"""A student of a teacher whose mind is known."""

from pathlib import Path

import numpy as np
import pytest

from recloop.envs.catalog import Floats, unit
from recloop.envs.choice import Click
from recloop.envs.student import STUDENT, Student, Taught
from tests.envs.planted import ratings

DIM, NUM_PEOPLE, NUM_ITEMS = 6, 40, 50


def vectors(seed: int, n: int) -> Floats:
    return unit(np.random.default_rng(seed).standard_normal((n, DIM)).astype(np.float32))


TEACHER = Student(-1.0, np.array([2.0, 0, 0, 0, 0, 0]), np.diag([0, 3.0, 3.0, 0, 0, 0]))
PEOPLE, ITEMS = vectors(0, NUM_PEOPLE), vectors(1, NUM_ITEMS)
WHO, WHAT = (grid.ravel() for grid in np.meshgrid(np.arange(NUM_PEOPLE), np.arange(0, NUM_ITEMS, 2), indexing="ij"))


def taught() -> Student:
    said = TEACHER(PEOPLE[WHO], ITEMS[WHAT])
    return Student.fit(PEOPLE[WHO], ITEMS[WHAT], said, WHO)


def test_log_odds_are_the_sum_of_intercept_item_and_pair() -> None:
    student = Student(1.0, np.array([1.0, 0.0]), np.array([[0.0, 2.0], [0.0, 0.0]]))
    people, items = np.array([[1, 0], [0, 1]], np.float32), np.array([[0, 1], [1, 0]], np.float32)
    np.testing.assert_array_equal(student(people, items), [1 + 0 + 2, 1 + 1 + 0])


def test_a_teacher_that_is_bilinear_is_learned_and_carries_over_to_other_people_and_items() -> None:
    people, items = vectors(2, 300), vectors(3, 300)
    guess, truth = taught()(people, items), TEACHER(people, items)
    assert np.corrcoef(guess, truth)[0, 1] > 0.95


def test_how_generous_the_teacher_makes_a_person_is_no_taste() -> None:
    generous = np.random.default_rng(4).normal(0, 10, NUM_PEOPLE)
    said = TEACHER(PEOPLE[WHO], ITEMS[WHAT]) + generous[WHO]
    student = Student.fit(PEOPLE[WHO], ITEMS[WHAT], said, WHO)
    np.testing.assert_allclose(student.pairs, taught().pairs, atol=1e-6)
    np.testing.assert_allclose(student.item, taught().item, atol=1e-6)


def test_noise_is_not_learned_by_heart() -> None:
    noise = np.random.default_rng(5).normal(size=len(WHO))
    student = Student.fit(PEOPLE[WHO], ITEMS[WHAT], noise, WHO)
    assert np.std(student(vectors(2, 300), vectors(3, 300))) < 0.3


def test_the_world_of_a_student_ranks_items_as_the_student_does() -> None:
    lived = TEACHER.live(PEOPLE, ITEMS, rank=2)
    assert (lived.vectors.shape, lived.tastes.shape) == ((NUM_ITEMS, 2), (NUM_PEOPLE, 2))
    for rows in (lived.vectors, lived.tastes):
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    odds = lived.scale * lived.tastes @ lived.vectors.T + lived.quality
    truth = TEACHER.intercept + ITEMS @ TEACHER.item + PEOPLE @ TEACHER.pairs @ ITEMS.T
    assert np.corrcoef(odds.ravel(), truth.ravel())[0, 1] > 0.9


def save(folder: Path, language: Floats) -> Taught:
    from safetensors.numpy import save_file

    save_file(TEACHER.arrays(language), folder / STUDENT)
    return Taught(str(folder), rank=2)


def test_a_student_comes_back_from_its_folder(tmp_path: Path) -> None:
    world, direct = save(tmp_path, ITEMS), TEACHER.live(PEOPLE, ITEMS, 2)
    lived = world.live(ITEMS, PEOPLE)
    np.testing.assert_array_equal(lived.vectors, direct.vectors)
    np.testing.assert_array_equal(world.place(ITEMS, ratings()), direct.vectors)
    assert world.answering(Click(), lived) == Click(scale=direct.scale, offset=0.0)


def test_other_vectors_than_those_taught_on_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="was taught on other vectors; distil again"):
        save(tmp_path, ITEMS).live(ITEMS[::-1], PEOPLE)


def test_a_folder_without_a_student_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no student"):
        Taught(str(tmp_path)).live(ITEMS, PEOPLE)
    (tmp_path / STUDENT).write_bytes(b"no tensors")
    with pytest.raises(ValueError, match="holds no student"):
        Taught(str(tmp_path)).live(ITEMS, PEOPLE)


def test_a_rank_that_cannot_be_and_a_choice_without_scale_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="rank is 0"):
        Taught("anywhere", rank=0)
    world = save(tmp_path, ITEMS)
    with pytest.raises(ValueError, match="rank is 7, but the vectors have 6 numbers"):
        Taught(str(tmp_path), rank=7).live(ITEMS, PEOPLE)
    with pytest.raises(ValueError, match="choose env/choice=click"):
        world.answering("nothing", world.live(ITEMS, PEOPLE))
