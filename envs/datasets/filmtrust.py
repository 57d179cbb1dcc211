"""FilmTrust: 35,497 ratings of 2,071 films by 1,508 people, and who of them trusts whom; nothing else is known.

G. Guo, J. Zhang and N. Yorke-Smith (2013), A Novel Bayesian Similarity Measure for Recommender Systems.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recloop.envs.datasets.dataset import Dataset
from recloop.envs.datasets.tables import Table, Tabs, read_csv
from recloop.envs.interactions import Interactions

_STARS_PER_POINT = 1.25  # of four points, five stars
_HEAD = 2  # rows that tell types and roles, below the names
_COLUMNS = {"ratings": ("user", "movie", "score"), "trust": ("truster", "trustee")}


@dataclass(frozen=True)
class FilmTrust:
    """Reader of a folder with Orange's tables `ratings.tab` and `trust.tab`.

    Ratings go from 0.5 to 4 in halves and become 1.25 times as many stars, so that 3.5 and 4 are likes. There are
    neither titles nor times: a film is called by its number, and the time of a rating is its row in the file.

    People are who has rated. Some who trust or are trusted have not; statements that concern them are left out, and
    the figure "trust_kept" is the share of the others.

    Args:
        folder: where the files are.
    """

    folder: str

    def read(self) -> Dataset:
        """Read the files.

        Raises:
            FileNotFoundError: naming the file that is missing.
            ValueError: naming file, line and column of the first value that cannot be read.
        """
        ratings, trust = (_table(Path(self.folder), name) for name in _COLUMNS)
        people = {who: row for row, who in enumerate(dict.fromkeys(ratings["user"]))}
        films = {film: row for row, film in enumerate(dict.fromkeys(ratings["movie"]))}
        stated = list(zip(trust["truster"], trust["trustee"], strict=True))
        edges = [(people[one], people[other]) for one, other in stated if one in people and other in people]
        return Dataset(
            name="filmtrust",
            items=[{"title": f"film {film}", "group": "film"} for film in films],
            users=[{} for _ in people],
            interactions=Interactions.sort(
                users=ratings.refer("user", people),
                items=ratings.refer("movie", films),
                ratings=ratings.numbers("score") * np.float32(_STARS_PER_POINT),
                times=np.arange(len(ratings)),
                num_users=len(people),
                num_items=len(films),
            ),
            fingerprint=hashlib.sha256((ratings.sha256 + trust.sha256).encode()).hexdigest(),
            trust=np.array(edges, np.int64).reshape(-1, 2),
            figures={"trust_kept": len(edges) / len(stated)} if stated else {},
        )


def _table(folder: Path, name: str) -> Table:
    path = folder / f"{name}.tab"
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; give the folder of FilmTrust, or asset:filmtrust")
    table = read_csv(path, path.read_bytes(), _COLUMNS[name], Tabs)
    columns = {column: values[_HEAD:] for column, values in table.columns.items()}
    return replace(table, columns=columns, lines=table.lines[_HEAD:])
