"""Weights come back as they were, or the damage is named."""

from pathlib import Path

import pytest
import torch

from recloop.experiments.checkpoints import load_weights, save_weights, weights_hash


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints" / "final.safetensors"


def network(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))


def test_weights_come_back_bit_by_bit(path: Path) -> None:
    state = network().state_dict()
    save_weights(path, state)
    loaded = load_weights(path)
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[name], state[name]) and loaded[name].dtype == state[name].dtype for name in state)


def test_same_weights_have_the_same_hash_whatever_their_order(path: Path) -> None:
    state = network().state_dict()
    first = save_weights(path, state)
    assert save_weights(path, dict(reversed(state.items()))) == first
    assert weights_hash(path) == first


def test_other_weights_have_another_hash(path: Path) -> None:
    assert save_weights(path, network(0).state_dict()) != save_weights(path, network(1).state_dict())


def test_tensors_that_share_memory_come_back_each(path: Path) -> None:
    whole = torch.arange(6.0).reshape(2, 3)
    save_weights(path, {"a": whole, "b": whole, "column": whole[:, 1]})
    loaded = load_weights(path)
    assert torch.equal(loaded["a"], whole)
    assert torch.equal(loaded["b"], whole)
    assert loaded["column"].tolist() == [1.0, 4.0]


def test_weights_that_need_gradients_are_saved(path: Path) -> None:
    save_weights(path, {"w": torch.nn.Parameter(torch.ones(2))})
    assert load_weights(path)["w"].tolist() == [1.0, 1.0]


def test_a_flipped_bit_in_any_byte_is_found(path: Path) -> None:
    save_weights(path, {"w": torch.arange(4.0), "b": torch.ones(1, dtype=torch.int64)})
    sound = path.read_bytes()
    for position in range(len(sound)):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"final\.safetensors: damaged, or no weights of recloop") as raised:
            load_weights(path)
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize("kept", [0, 4, 8, 60, -1])
def test_a_truncated_file_is_found(path: Path, kept: int) -> None:
    save_weights(path, {"w": torch.arange(4.0)})
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ValueError, match="damaged"):
        load_weights(path)


def test_a_file_without_our_checksum_is_refused(path: Path) -> None:
    from safetensors.torch import save_file

    path.parent.mkdir()
    save_file({"w": torch.ones(1)}, path)
    with pytest.raises(ValueError, match="no weights of recloop"):
        load_weights(path)


def test_a_missing_file_is_named(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"final\.safetensors"):
        load_weights(path)
