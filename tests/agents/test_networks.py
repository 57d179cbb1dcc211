"""The item-vector head."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from recloop.agents.baselines import Greedy
from recloop.agents.networks import LOG_SPEED, SHIFT, ItemHead
from recloop.agents.policy import Floats, ItemSpace

HEURISTIC, SIMILARITY = (10.0, 4.0, 1.0), (10.0, 1e-6, 1e-6)


def head(items: ItemSpace, scales: tuple[float, ...] = HEURISTIC, seed: int = 0, extra: int = 0) -> ItemHead:
    torch.manual_seed(seed)
    return ItemHead(items, max(block.stop for block in items.layout.values()), [16], scales, extra)


def without_queries(items: ItemSpace, scales: tuple[float, ...]) -> ItemHead:
    """A head whose f and g are not near zero but zero."""
    plain = head(items, scales)
    last = plain.queries[-1]
    assert isinstance(last, nn.Linear)
    nn.init.zeros_(last.weight)
    return plain


@pytest.fixture
def seen(observations: Floats, items: ItemSpace) -> Tensor:
    """Observations whose states are unit vectors, as they are in a session."""
    state = observations[:, items.layout["state"]]
    state /= np.linalg.norm(state, axis=1, keepdims=True)
    return torch.as_tensor(observations)


def test_values_of_two_items_by_hand() -> None:
    layout = {"state": slice(0, 2), "exposure": slice(2, 4)}
    items = ItemSpace(np.eye(2, dtype=np.float32), np.array([0, 2], np.float32), np.ones(2, np.float32), layout)
    network = without_queries(items, (3.0, 5.0, 7.0))
    nn.init.constant_(network.price, 0.5 / LOG_SPEED)
    values, _ = network(torch.tensor([[0.5, -1, 0.25, -4]]))
    scores = np.array([[3 * 0.5 - 5 * 0.25, 3 * -1 - 0 + 7 * 2]])  # nobody is bored of the opposite
    later = -0.5 * np.array([[0.5, -1]])  # the price of favourites
    np.testing.assert_allclose(values.detach(), 1 / (1 + np.exp(SHIFT - scores)) + later, rtol=1e-5)


def test_the_values_of_actions_are_those_among_all_values(items: ItemSpace, seen: Tensor) -> None:
    network, actions = head(items, extra=2), torch.arange(2 * len(seen)).reshape(-1, 2) % len(items.vectors)
    values, extra = network(seen)
    at_once, later, same = network.of(seen, actions)
    torch.testing.assert_close(at_once + later, values.gather(1, actions), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(extra, same)
    assert extra.shape == (len(seen), 2)


def test_both_ways_to_a_value_have_the_same_gradient(items: ItemSpace, seen: Tensor) -> None:
    network, actions = head(items), torch.arange(2 * len(seen)).reshape(-1, 2) % len(items.vectors)
    at_once, later, _ = network.of(seen, actions)
    ways = (at_once + later, network(seen)[0].gather(1, actions))
    gradients = [torch.autograd.grad(values.square().mean(), list(network.parameters())) for values in ways]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("scales", "boredom", "quality"), [(SIMILARITY, 0.0, 0.0), (HEURISTIC, 4 / 10, 1 / 10)], ids=["similarity", "bored"]
)
def test_an_untrained_head_ranks_items_as_the_heuristic_of_its_scales(
    items: ItemSpace, seen: Tensor, scales: tuple[float, ...], boredom: float, quality: float
) -> None:
    heuristic = Greedy(items, boredom, quality).predict(seen.numpy())[0]
    np.testing.assert_array_equal(without_queries(items, scales)(seen)[0].argmax(1), heuristic)
    assert (head(items, scales)(seen)[0].argmax(1).numpy() == heuristic).mean() > 0.8


def test_items_are_not_part_of_the_weights(items: ItemSpace) -> None:
    sizes = [weight.numel() for weight in head(items).state_dict().values()]
    other = ItemSpace(items.vectors[:7], items.quality[:7], items.popularity[:7], items.layout)
    assert sizes == [weight.numel() for weight in head(other).state_dict().values()]


def test_the_weights_of_one_catalog_value_another(items: ItemSpace, seen: Tensor) -> None:
    half = ItemSpace(items.vectors[::2], items.quality[::2], items.popularity[::2], items.layout)
    network, fewer = head(items, seed=1), head(half, seed=2)
    fewer.load_state_dict(network.state_dict())
    torch.testing.assert_close(fewer(seen)[0], network(seen)[0][:, ::2], rtol=1e-4, atol=1e-5)
