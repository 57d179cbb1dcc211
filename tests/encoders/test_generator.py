"""How likely a generative model finds answers, and how it goes on, with the beginning read once."""

from pathlib import Path

import numpy as np
import pytest

from recloop.encoders.generator import Generator
from tests.causal import causal

BEGINNING = "A young engineer. Their ratings:\nHeat. Stars: 4\n"
ENDINGS = ("Alien (1979). Stars: ", "Fargo. Stars: ", "Star Wars: Return of the Jedi (1983). Stars: ")
STARS = ("1", "2", "3", "4", "5")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return causal(tmp_path_factory.mktemp("causal"))


@pytest.fixture(scope="module")
def generator(model: Path) -> Generator:
    return Generator(str(model), batch_tokens=64)


def test_a_shared_beginning_gives_what_reading_the_whole_text_gives(generator: Generator) -> None:
    import torch

    tokenizer, network = generator.loaded
    found = generator.expect(BEGINNING, ENDINGS, STARS)
    for row, ending in zip(found.log_chances, ENDINGS, strict=True):
        ids = torch.tensor([tokenizer(BEGINNING + ending)["input_ids"]])
        with torch.inference_mode():
            chances = network(ids).logits[0, -1].log_softmax(dim=0)
        whole = [float(chances[tokenizer(star)["input_ids"][0]]) for star in STARS]
        np.testing.assert_allclose(row, whole, atol=1e-4)


def test_one_text_has_one_figure_in_any_company(generator: Generator) -> None:
    together = generator.expect(BEGINNING, ENDINGS, STARS).log_chances
    alone = [generator.expect(BEGINNING, [ending], STARS).log_chances[0] for ending in reversed(ENDINGS)]
    np.testing.assert_array_equal(np.array(alone[::-1]), together)


def test_tokens_are_counted_with_the_beginning_once(generator: Generator) -> None:
    assert generator.expect(BEGINNING, ENDINGS, STARS).tokens == len(BEGINNING) + sum(map(len, ENDINGS))
    assert generator.expect(BEGINNING, [], STARS).log_chances.shape == (0, 5)


def test_what_was_told_moves_what_is_expected(generator: Generator) -> None:
    other = generator.expect(BEGINNING.replace("4", "1"), ENDINGS, STARS).log_chances
    assert np.abs(other - generator.expect(BEGINNING, ENDINGS, STARS).log_chances).max() > 1e-3


def test_an_answer_of_several_tokens_is_refused_by_name(generator: Generator) -> None:
    with pytest.raises(ValueError, match="answer '10' is 2 tokens"):
        generator.expect(BEGINNING, ENDINGS, ("1", "10"))


def test_a_text_beyond_the_limit_is_refused(model: Path) -> None:
    with pytest.raises(ValueError, match="a text has 69 tokens, but max_tokens is 60"):
        Generator(str(model), max_tokens=60).expect(BEGINNING, ENDINGS[:1], STARS)


def test_settings_that_cannot_be_are_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="dtype is 'int3'"):
        Generator(str(model), dtype="int3")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="batch_tokens 0"):
        Generator(str(model), batch_tokens=0)
    with pytest.raises(ValueError, match="is no model folder"):
        Generator(str(tmp_path))


def test_a_model_without_a_last_layer_is_no_generator(bert: Path) -> None:
    with pytest.raises(ValueError, match="lacks"):
        Generator(str(bert)).expect("a", ["b"], ("1",))


def test_the_fingerprint_tells_models_and_settings_apart(model: Path, generator: Generator) -> None:
    assert generator.fingerprint == Generator(str(model), batch_tokens=64).fingerprint
    assert generator.fingerprint != Generator(str(model), batch_tokens=32).fingerprint


MOST = 48


@pytest.fixture(scope="module")
def naive(generator: Generator) -> list[list[int]]:
    """The next `MOST` tokens after each text, the whole of it being read again for each."""
    import torch

    tokenizer, network = generator.loaded
    texts: list[list[int]] = tokenizer([BEGINNING + ending for ending in ENDINGS])["input_ids"]
    told = [len(ids) for ids in texts]
    with torch.inference_mode():
        for ids in texts:
            for _ in range(MOST):
                ids.append(int(network(torch.tensor([ids])).logits[0, -1].argmax()))
    return [ids[start:] for ids, start in zip(texts, told, strict=True)]


@pytest.mark.parametrize(("stop", "that_come_to_it"), [("a", 3), ("-", 1), ("z", 0)])
def test_the_model_goes_on_as_if_it_read_the_whole_text_for_every_token(
    generator: Generator, naive: list[list[int]], stop: str, that_come_to_it: int
) -> None:
    tokenizer = generator.loaded.tokenizer
    (end,) = tokenizer(stop)["input_ids"]
    said = generator.generate(BEGINNING, ENDINGS, until=stop, most=MOST)
    assert said == [tokenizer.decode(ids[: ids.index(end)]) if end in ids else None for ids in naive]
    assert sum(text is not None for text in said) == that_come_to_it


def test_endings_of_one_length_are_continued_together_as_alone(generator: Generator) -> None:
    endings = ["Alien", "Fargo", "Heat!"]
    together = generator.generate(BEGINNING, endings, until="e", most=MOST)
    assert together == [generator.generate(BEGINNING, [ending], until="e", most=MOST)[0] for ending in endings]


def test_a_seed_draws_other_continuations_and_the_same_again(generator: Generator) -> None:
    import torch

    before = torch.random.get_rng_state()
    drawn = [generator.generate(BEGINNING, ["Alien"] * 8, until="e", most=MOST, seed=seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert torch.equal(torch.random.get_rng_state(), before)


def test_what_has_no_room_for_a_continuation_is_refused(model: Path) -> None:
    with pytest.raises(ValueError, match="a text has 83 tokens, but max_tokens is 80"):
        Generator(str(model), max_tokens=80).generate(BEGINNING, ENDINGS[:1], until="e", most=14)
