"""What is heard of what users write: with real models, on MovieLens-100K."""

import numpy as np
import pytest

from recloop.experiments.compose import composed
from recloop.experiments.setting import build_setting

MULTILINGUAL = ["encoder=e5_multilingual"]


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
        (["env/feedback=words"], (0.9, 0.95, 0.7)),
        (["env/feedback=smollm2"], (0.65, 0.9, 0.25)),
        (["env/feedback=words", *MULTILINGUAL], (0.75, 0.95, 0.3)),
        (["env/feedback=chinese", *MULTILINGUAL], (0.7, 0.9, 0.2)),
    ],
    ids=["templates", "SmolLM2", "templates, E5", "templates in Chinese, E5"],
)
def test_what_users_write_is_heard_as_it_was_meant(words: list[str], least: tuple[float, float, float]) -> None:
    shares = heard([*words, "env.feedback.gain=1"])
    print(" towards {:.1%}, away {:.1%}, nearest {:.1%}".format(*shares))
    for share, floor in zip(shares, least, strict=True):
        assert share >= floor, shares
