"""A tiny model that learns which texts the same people like."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from recloop.encoders.clip import Clip
from recloop.encoders.finetuning import Behaviour, Epoch, FineTuning, NetworkTuner, Tuner, _asked
from recloop.encoders.gate import Gate
from recloop.encoders.hashing import Hashing
from recloop.encoders.pictured import Pictured
from recloop.encoders.pretrained import check_folder
from recloop.encoders.transformer import Transformer
from tests.encoders.pictures import tiny_clip

TEXTS = tuple(f"{title} {kind}" for kind in ("action", "comedy") for title in ("heat", "alien", "fargo", "casino"))
QUICK = FineTuning(layers=1, batch_texts=8, epochs=6, learning_rate=3e-3, rank=4)


def behaviour(people: int = 20) -> Behaviour:
    """Everybody rates everything; half of the people like action, the others comedy."""
    liked = np.zeros((people, len(TEXTS)), np.float32)
    liked[::2, :4], liked[1::2, 4:] = 1, 1
    return Behaviour(sparse.csc_array(liked), sparse.csc_array(np.ones_like(liked)))


def apart(vectors: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> float:
    """Mean cosine within a kind less that between kinds, centred."""
    centred = vectors - vectors.mean(axis=0)
    cosines = np.corrcoef(centred)
    return float(cosines[:4, :4].mean() - cosines[:4, 4:].mean())


def tuned(bert: Path, settings: FineTuning) -> tuple[Tuner, list[Epoch]]:
    tuner = settings.of(Transformer(str(bert), max_tokens=32), TEXTS)
    return tuner, list(tuner.learn(behaviour(), behaviour(6)))


@pytest.mark.parametrize("method", ["last", "lora"])
def test_texts_that_the_same_people_like_come_together(bert: Path, tmp_path: Path, method: str) -> None:
    settings = FineTuning(**{**vars(QUICK), "method": method})
    tuner, epochs = tuned(bert, settings)
    tuner.save(tmp_path / "tuned")
    check_folder(tmp_path / "tuned")
    before, after = (Transformer(str(model), max_tokens=32) for model in (bert, tmp_path / "tuned"))
    assert before.fingerprint != after.fingerprint
    assert apart(after.encode(TEXTS)) > apart(before.encode(TEXTS)) + 0.1
    assert min(epoch.validation_loss for epoch in epochs) < epochs[0].validation_loss


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(bert: Path) -> None:
    import torch

    first, again, other = (
        tuned(bert, FineTuning(**{**vars(QUICK), "epochs": 1, "seed": seed}))[0].best for seed in (0, 0, 1)
    )
    assert all(torch.equal(one, two) for one, two in zip(first, again, strict=True))
    assert not all(torch.equal(one, two) for one, two in zip(first, other, strict=True))


def test_learning_ends_when_the_validation_people_are_served_no_better(bert: Path, tmp_path: Path) -> None:
    settings = FineTuning(**{**vars(QUICK), "epochs": 50, "learning_rate": 1e-12, "patience": 2})
    tuner, epochs = tuned(bert, settings)
    assert len(epochs) <= 4
    tuner.save(tmp_path / "same")
    same, before = (Transformer(str(model), max_tokens=32).encode(TEXTS) for model in (tmp_path / "same", bert))
    np.testing.assert_allclose(same, before, atol=1e-5)


def test_only_the_last_layers_learn(bert: Path) -> None:
    tuner = NetworkTuner(QUICK, Transformer(str(bert), max_tokens=32), TEXTS)
    names = {name for name, weights in tuner.network.named_parameters() if weights.requires_grad}
    assert names
    assert all(".layer.1." in name for name in names)


def test_a_liked_text_is_told_from_rated_ones_or_from_all_that_are_not_liked() -> None:
    liked = sparse.csc_array(np.array([[1, 1, 0, 0]], np.float32))
    people = Behaviour(liked, sparse.csc_array(np.array([[1, 1, 1, 0]], np.float32)))
    rated, batch = (_asked(people, np.arange(4), kind, np.random.default_rng(0)) for kind in ("rated", "batch"))
    assert rated is not None
    assert batch is not None
    np.testing.assert_array_equal(rated.wrong, [[False, False, True, False]] * 2)
    np.testing.assert_array_equal(batch.wrong, [[False, False, True, True]] * 2)
    np.testing.assert_array_equal(rated.others[np.argsort(rated.found)], [[0, 1, 0, 0], [1, 0, 0, 0]])


def test_nobody_is_asked_who_likes_a_single_text() -> None:
    liked = sparse.csc_array(np.array([[1, 0, 0]], np.float32))
    assert _asked(Behaviour(liked, liked), np.arange(3), "batch", np.random.default_rng(0)) is None


def test_people_who_like_nothing_together_are_refused(bert: Path) -> None:
    nothing = behaviour().of(np.zeros(20, bool))
    with pytest.raises(ValueError, match="nobody likes two texts"):
        next(QUICK.of(Transformer(str(bert), max_tokens=32), TEXTS).learn(behaviour(), nothing))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"method": "all"}, "method is 'all'; choose one of last, lora"),
        ({"layers": 0}, "layers is 0"),
        ({"temperature": 0.0}, "temperature is 0.0"),
        ({"batch_texts": 2}, "batch_texts is 2"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        FineTuning(**settings)  # type: ignore[arg-type]


def test_more_layers_than_there_are_are_refused(bert: Path) -> None:
    with pytest.raises(ValueError, match="layers is 3, but the model has 2"):
        FineTuning(layers=3).of(Transformer(str(bert), max_tokens=32), TEXTS)


@pytest.mark.parametrize("pictures_tell", [True, False])
def test_a_gate_learns_to_go_by_what_tells_who_likes_what(
    pictures_tell: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    telling = np.repeat(np.eye(2), 4, axis=0) + 0.1 * rng.standard_normal((len(TEXTS), 2))
    halves = [unit(telling), unit(rng.standard_normal((len(TEXTS), 6)))][:: -1 if pictures_tell else 1]
    monkeypatch.setattr(Pictured, "halves", lambda self, texts: halves)
    encoder = Pictured(Hashing(dim=8), Clip(str(tiny_clip(tmp_path / "clip"))), str(tmp_path))
    settings = FineTuning("gate", batch_texts=8, epochs=30, learning_rate=0.1)
    tuner = settings.of(encoder, TEXTS)
    epochs = list(tuner.learn(behaviour(), behaviour(6)))
    tuner.save(tmp_path / "gate")
    shares = Gate.load(tmp_path / "gate").shares(*halves)
    assert (shares > 0.6).all() if pictures_tell else (shares < 0.4).all()
    assert min(epoch.validation_loss for epoch in epochs) < epochs[0].validation_loss


def test_a_gate_is_for_pictures_and_pictures_are_for_a_gate(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="method is gate and the encoder reads texts alone"):
        FineTuning("gate").of(Transformer(str(bert)), TEXTS)
    with pytest.raises(ValueError, match="method is last and the encoder looks at pictures"):
        FineTuning().of(Pictured(Hashing(dim=8), Clip(str(tiny_clip(tmp_path / "clip"))), str(tmp_path)), TEXTS)


def unit(rows: np.ndarray[tuple[int, int], np.dtype[np.float64]]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    units: np.ndarray[tuple[int, int], np.dtype[np.float64]] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return units
