"""What people ask for, in a generative model's own words."""

import doctest
from collections.abc import Sequence
from pathlib import Path

import pytest

from recloop.encoders import author as module
from recloop.encoders.author import Author, Sentence, Wish, named
from recloop.encoders.generator import Generator
from tests.causal import causal

KINDS = ("action", "crime", "war")


class Drafting:
    """Stands for a generator: gives drafts that were written before, by kind."""

    fingerprint = "drafting"

    def __init__(self, **drafts: list[str | None]) -> None:
        self.drafts = drafts
        self.asked: list[tuple[int | None, list[str]]] = []

    def generate(
        self, beginning: str, endings: Sequence[str], *, until: str, most: int, seed: int | None
    ) -> list[str | None]:
        kinds = [ending.removeprefix("Kind: ").removesuffix("\nWrote:") for ending in endings]
        self.asked.append((seed, kinds))
        return [self.drafts[kind][seed or 0] for kind in kinds]


def author(drafts: int = 3, **written: list[str | None]) -> tuple[Author, Drafting]:
    model = Drafting(**written)
    return Author(model, drafts=drafts), model  # type: ignore[arg-type]


def test_the_first_draft_that_names_the_kind_and_no_other_is_taken() -> None:
    one, model = author(
        action=[" More action!", None],
        crime=["A good story.", " Some crime and war.", " Crime again, please."],
        war=[None, " Another war.", None],
    )
    assert one.write(KINDS, "more") == [
        Sentence("More action!", 1),
        Sentence("Crime again, please.", 3),
        Sentence("Another war.", 2),
    ]
    assert model.asked == [(None, ["action", "crime", "war"]), (1, ["crime", "war"]), (2, ["crime"])]


@pytest.mark.parametrize(("wish", "plain"), [("more", "Show me more war."), ("less", "I have had enough of war.")])
def test_where_no_draft_names_the_kind_a_plain_sentence_is_written(wish: Wish, plain: str) -> None:
    one, _ = author(drafts=2, war=["Peace.", "Hello."])
    assert one.write(["war"], wish) == [Sentence(plain, 0)]


def test_the_model_goes_by_examples_of_the_wish_alone() -> None:
    read = {}

    class Reading(Drafting):
        def generate(self, beginning: str, endings: Sequence[str], **how: object) -> list[str | None]:
            read[beginning.partition("\n")[0]] = beginning
            return ["war"] * len(endings)

    for wish in ("more", "less"):
        Author(Reading(), items="books").write(["war"], wish)  # type: ignore[arg-type]
    more, less = read["What people wrote who were in the mood for books of some kind."], read.popitem()[1]
    assert more.endswith("Kind: musical\nWrote: Please show me a musical now.\n")
    assert less.endswith("Kind: musical\nWrote: All that musical stuff bores me.\n")


def test_the_examples_in_the_docstrings_hold() -> None:
    assert doctest.testmod(module) == (0, 1)


def test_a_kind_counts_as_named_by_its_beginning_whatever_its_letters() -> None:
    assert named("WARS, and sci-fi's best", ["war", "sci-fi", "sci"]) == {"war", "sci-fi"}
    assert named("postwar", ["war"]) == set()


def test_no_drafts_are_refused() -> None:
    with pytest.raises(ValueError, match="drafts is 0; allow 1 or more"):
        author(drafts=0)


def test_the_fingerprint_tells_authors_apart() -> None:
    one, _ = author()
    others = [author(drafts=2)[0], Author(one.generator, items="books")]
    assert len({each.fingerprint for each in (one, *others)}) == 3


def test_an_untrained_model_writes_a_sentence_of_every_kind_and_the_same_again(tmp_path: Path) -> None:
    one = Author(Generator(str(causal(tmp_path))), drafts=2)
    written = one.write(KINDS, "less")
    assert [kind in sentence.text for kind, sentence in zip(KINDS, written, strict=True)] == [True] * 3
    assert one.write(KINDS, "less") == written
