"""Times one simulator, in the environment that has it installed: Python's own library, numpy and the simulator only.

    python -I timer.py SIMULATOR.py NUM_ITEMS

SIMULATOR.py defines `stepping(num_items)`, which makes everything ready and returns what takes so many steps. A line
with a number of steps is answered by a line of JSON: what was taken, in seconds of wall time and of processor time.
"""

import json
import runpy
import sys
import time


def main(simulator: str, num_items: int) -> None:
    """Answer line after line, until there are no more."""
    step = runpy.run_path(simulator)["stepping"](num_items)
    for line in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        step(int(line))
        spent = {"steps": int(line), "wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
        print(json.dumps(spent), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
