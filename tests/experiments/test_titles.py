"""Items found by the titles that people give."""

import numpy as np

from recloop.experiments.titles import Titles

TITLES = ["Heat", "HEAT", "Alien", "Amélie", "Alien", "The Usual Suspects"]
POPULARITY = np.array([0.1, 0.2, 0.1, 0.1, 0.3, 0.2], np.float32)


def test_the_very_title_comes_before_the_same_words() -> None:
    titles = Titles(TITLES, POPULARITY)
    assert (titles.find("Heat"), titles.find("HEAT")) == (0, 1)
    assert titles.find("heat!") == 1  # both have these words, and this one is more popular


def test_of_several_with_one_title_the_most_popular_is_meant() -> None:
    assert Titles(TITLES, POPULARITY).find("Alien") == 4


def test_case_and_punctuation_do_not_matter_but_words_do() -> None:
    titles = Titles(TITLES, POPULARITY)
    assert titles.find("  the USUAL-suspects ") == 5
    assert titles.find("Usual Suspects") is None
    assert titles.find("") is titles.find("?!") is None


def test_the_nearest_titles_are_those_that_somebody_may_have_meant() -> None:
    titles = Titles(TITLES, POPULARITY)
    assert titles.nearest("Usual Suspects")[0] == "The Usual Suspects"
    assert titles.nearest("Amelie")[0] == "Amélie"
    assert titles.nearest("xyzzy") == []
