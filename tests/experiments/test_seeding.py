"""One seed decides everything, and each stream is its own."""

import random
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from recloop.experiments.seeding import seed_everything, set_threads, streams


@pytest.fixture(autouse=True)
def _leave_torch_as_it_was() -> Iterator[None]:
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)


def drawn(seed: int, name: str, *others: str) -> list[float]:
    return [float(number) for number in streams(seed, name, *others)[name].random(4)]


def test_the_same_seed_and_name_draw_the_same_numbers() -> None:
    assert drawn(3, "training") == drawn(3, "training")


def test_a_stream_is_the_same_in_every_release() -> None:
    assert streams(0, "training")["training"].integers(1000, size=4).tolist() == [746, 581, 630, 864]


def test_another_seed_draws_other_numbers() -> None:
    assert drawn(3, "training") != drawn(4, "training")


def test_another_name_draws_other_numbers() -> None:
    assert drawn(3, "training") != drawn(3, "evaluation")


def test_a_stream_does_not_notice_how_many_others_there_are_nor_their_order() -> None:
    alone = drawn(3, "training")
    assert drawn(3, "training", "population") == alone
    assert streams(3, "population", "evaluation", "training")["training"].random(4).tolist() == alone


def test_streams_are_not_correlated() -> None:
    both = streams(0, "training", "evaluation")
    pairs = np.corrcoef(both["training"].normal(size=10_000), both["evaluation"].normal(size=10_000))  # [2, 2]
    assert abs(pairs[0, 1]) < 0.04  # four standard errors


@given(st.integers(min_value=0, max_value=2**64))
def test_neighbouring_seeds_share_no_numbers(seed: int) -> None:
    assert not set(drawn(seed, "training")) & set(drawn(seed + 1, "training"))


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="each name once"):
        streams(0, "training", "training")


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="seed is -1"):
        streams(-1, "training")
    with pytest.raises(ValueError, match="seed is -1"):
        seed_everything(-1)


def test_a_seed_too_large_for_numpy_is_refused() -> None:
    with pytest.raises(ValueError, match=r"below 2\*\*32"):
        seed_everything(2**32)


def test_seeding_everything_repeats_python_numpy_and_torch() -> None:
    def draw() -> tuple[float, float, float]:
        return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002

    seed_everything(5)
    first = draw()
    seed_everything(5)
    assert draw() == first
    seed_everything(6)
    assert all(now != before for now, before in zip(draw(), first, strict=True))


def test_seeding_everything_chooses_deterministic_kernels() -> None:
    seed_everything(0)
    assert torch.are_deterministic_algorithms_enabled()


def test_threads_are_set() -> None:
    set_threads(2)
    assert torch.get_num_threads() == 2
    set_threads()
    assert torch.get_num_threads() == 1


def test_no_thread_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="threads is 0"):
        set_threads(0)
