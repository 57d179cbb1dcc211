"""`make bench`: how quick recloop is, on one core, part by part.

make bench                                    the quick core: environment, dynamics, training, where its time goes
make bench ARGS="--only peers"                one part or several, separated by commas; `all` for all of them
make bench ARGS="--only all --out FILE"       a FILE that is there already keeps its other parts
"""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS")
TUNING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
"""Where somebody has set them, they halve numpy's products."""


def main() -> None:
    """Measure part after part; write the JSON file after each, print the tables."""
    sys.path[0] = str(ROOT)  # instead of this folder, whose names are also those of Python's own modules
    options = _options()
    os.environ.update(dict.fromkeys(THREADS, "1"))  # before anything imports numpy or torch
    for name in TUNING:
        os.environ.pop(name, None)
    from benchmarks.figures import Figures
    from benchmarks.scope import Scope

    figures, scope = Figures.at(options.out), Scope(options.quick)
    for name in options.only:
        figures.measure(name, scope)
    print(f"figures: {options.out}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=_parts, default=_parts(""), metavar="PART,PART", help="parts to measure")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the steps, once: whether it runs at all")
    default = Path("runs") / f"bench-{datetime.now(UTC):%Y%m%dT%H%M%S}.json"
    parser.add_argument("--out", type=Path, default=default, help="where the figures go (default: %(default)s)")
    return parser.parse_args()


def _parts(words: str) -> list[str]:
    from benchmarks.registry import CORE, SHEETS

    names = list(SHEETS) if words == "all" else words.split(",") if words else list(CORE)
    if unknown := [name for name in names if name not in SHEETS]:
        raise argparse.ArgumentTypeError(f"no part is called {unknown[0]!r}; there are {', '.join(SHEETS)}, or all")
    return names


if __name__ == "__main__":
    main()
