"""What is heard of what users write: with real models, on MovieLens-100K."""

import numpy as np
import pytest

from recloop.encoders.hearing import Hearing
from recloop.encoders.projection import Projection
from recloop.experiments.compose import composed
from recloop.experiments.setting import build_setting, encoder_of

MULTILINGUAL = ["encoder=e5_multilingual"]

WISHES = (
    "my kids would enjoy something animated",
    "got anything funnier",
    "give me aliens and space battles",
    "could use a good laugh tonight",
    "a love story would be lovely",
    "any recommendations for a spy thriller",
    "let's watch a musical",
    "that detective was brilliant",
    "I prefer old black and white films",
    "more car chases please",
    "looking for a quiet family drama",
    "we adore Westerns in this house",
    "bring on the dragons",
    "something light for a Sunday afternoon",
    "it has been ages since I saw a good western",
    "I never get tired of heist films",
    "more of that director",
    "recommend me a documentary about space",
    "what a gorgeous animated film",
    "I'm curious about film noir",
    "musicals cheer me up",
    "the scarier the better",
)
COMPLAINTS = (
    "please no blood",
    "I've seen enough shootouts",
    "not another courtroom drama",
    "I can't watch gore",
    "the jokes were awful",
    "spare me the singing",
    "cartoons are for children and bore me",
    "I fell asleep during the war scenes",
    "horror gives me nightmares",
    "stop recommending superhero films",
    "too dark for me",
    "romance makes me yawn",
    "enough of the explosions",
    "I walked out after twenty minutes of singing",
    "nothing with subtitles",
    "war films depress me",
    "this thriller was dull",
    "no thank you",
    "who wants to see another sequel",
    "too sentimental",
    "westerns leave me cold",
    "I'm done with superheroes",
)


def heard(words: list[str]) -> tuple[float, float, float]:
    """Of all sentences that ask for more of one genre and less of another, the share heard so.

    How many steps go towards the films of the one, away from those of the other, and how many lie nearest to the films
    of the one, of all genres. The films of a genre are the mean of their vectors, less the mean of all genres.
    """
    feedback, items = (task := build_setting(composed(words)).train).feedback, task.observation.items.vectors
    assert feedback is not None
    has = feedback.writer.has.T.astype(np.float64)  # [words, num_items]
    genres = has @ items
    genres /= np.linalg.norm(genres, axis=1, keepdims=True)
    genres -= genres.mean(axis=0)  # [words, dim]
    n = len(genres)
    steps = feedback.steps.reshape(4, n, n, -1)[[1, 3]]  # bored, and disliking: [2, less, more, dim]
    along = np.einsum("klmd,wd->klmw", steps, genres)
    less, more = (np.broadcast_to(index, (2, n, n)) for index in np.indices((n, n)))
    asked = less != more
    own, other = (np.take_along_axis(along, index[..., None], axis=3)[..., 0][asked] for index in (more, less))
    nearest = (along.argmax(axis=3) == more)[asked]
    return float((own > 0).mean()), float((other < 0).mean()), float(nearest.mean())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "least"),
    [
        (["env/feedback=words"], (0.95, 0.95, 0.8)),
        (["env/feedback=smollm2"], (0.85, 0.9, 0.6)),
        (["env/feedback=words", *MULTILINGUAL], (0.85, 0.95, 0.7)),
        (["env/feedback=chinese", *MULTILINGUAL], (0.85, 0.95, 0.6)),
    ],
    ids=["templates", "SmolLM2", "templates, E5", "templates in Chinese, E5"],
)
def test_what_users_write_is_heard_as_it_was_meant(words: list[str], least: tuple[float, float, float]) -> None:
    shares = heard([*words, "env.feedback.gain=1"])
    print(" towards {:.1%}, away {:.1%}, nearest {:.1%}".format(*shares))
    for share, floor in zip(shares, least, strict=True):
        assert share >= floor, shares


@pytest.mark.slow
@pytest.mark.parametrize(("encoder", "least"), [("minilm", 35), ("e5_multilingual", 38)])
def test_wishes_are_told_from_complaints_in_anybody_s_words(encoder: str, least: int) -> None:
    reader = encoder_of(composed([f"encoder={encoder}"]))
    hearing = Hearing.of(reader.encode, Projection.identity(reader.dim))
    liking, disliking = (hearing.sentiment(reader.encode(texts)) for texts in (WISHES, COMPLAINTS))
    told = int((liking > 0).sum() + (disliking < 0).sum())
    print(f" {told} of {len(WISHES) + len(COMPLAINTS)}")
    assert told >= least
