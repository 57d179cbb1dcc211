"""`recloop check-env`: does an environment keep its contract?"""

import argparse
import sys

from recloop.experiments.flags import Parser

_EXAMPLES = """\
words:
  KEY=VALUE           as in `recloop train`: env/dynamics=[boredom,drift,timeout], env.choice.scale=10, seed=1

examples:
  recloop check-env                                           the default environment
  recloop check-env experiment=smoke                          without a model, quick
  recloop check-env "env/dynamics=[drift,satisfaction]"       other dynamics

Ends with status 1 if anything does not hold.
"""


def main(words: list[str]) -> None:
    """`recloop check-env [key=value ...]`: a line for every property, whether it holds or what was seen.

    Raises:
        UsageError: naming key, value and remedy.
        SystemExit: with status 1 if a property does not hold.
    """
    from recloop.envs.checks import findings
    from recloop.experiments.compose import composed
    from recloop.experiments.inputs import check
    from recloop.experiments.seeding import set_threads
    from recloop.experiments.setting import build_setting

    parser = Parser(
        "recloop check-env",
        description="Try an environment: every property of the contract, on the train users.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", metavar="key=value", nargs="*", help="see below")
    cfg = composed(parser.parse_args(words).words)
    check(cfg)
    set_threads(cfg.threads)
    tried, broken = 0, 0
    for words_of_it, error in findings(build_setting(cfg).train, cfg.seed):
        tried, broken = tried + 1, broken + (error is not None)
        print(f"{'ok     ' if error is None else 'NOT SO '}{words_of_it}{_seen(error)}", flush=True)
    print(f"{tried - broken} of {tried} properties hold")
    if broken:
        sys.exit(1)


def _seen(error: Exception | None) -> str:
    """What was seen, in one line; empty where the property holds."""
    if error is None:
        return ""
    said = " ".join(str(error).split()) or type(error).__name__
    return f": {said}" if isinstance(error, ValueError) else f": {type(error).__name__}: {said}"
