"""Ratings a second of a language-model user, against a call of `generate` for each rating."""

from collections.abc import Sequence
from typing import Any

from benchmarks.measure import in_turn, ratio, typical
from benchmarks.scope import Scope
from recloop.encoders.generator import Generator
from recloop.encoders.prompts import RatingPrompt
from recloop.experiments.teacher import STARS

_PERSON, _TOLD = 5, 12
_GENERATED = 4
"""Ratings that are timed of `generate`, whose rate does not depend on how many there are."""


def measure(scope: Scope) -> list[dict[str, Any]]:
    """One person of MovieLens-100K, told of by 12 ratings, who rates films; both ways by SmolLM2 on one thread."""
    from recloop.experiments.assets import fetch
    from recloop.experiments.compose import composed
    from recloop.experiments.setting import Texts

    texts, prompt = Texts.of(composed([])), RatingPrompt(_TOLD)
    logged = texts.dataset.interactions
    own = logged.where(logged.users == _PERSON)
    told = [texts.items[item] for item in own.items[:_TOLD]]
    beginning = prompt.beginning(texts.profiles[_PERSON], told, own.ratings[:_TOLD].tolist())
    endings = [prompt.ending(item) for item in texts.items]
    sizes = (20,) if scope.quick else (20, 100, 400)
    return [row for size in sizes for row in rates(Generator(str(fetch("smollm2"))), beginning, endings[:size], scope)]


def rates(generator: Generator, beginning: str, endings: Sequence[str], scope: Scope) -> list[dict[str, Any]]:
    """How many times as many ratings a second the shared beginning gives, of `endings` about one person."""

    def ours() -> int:
        return len(generator.expect(beginning, endings, STARS).log_chances)

    def generated() -> int:
        for ending in endings[:_GENERATED]:
            _generate(generator, beginning + ending)
        return _GENERATED

    paces = in_turn({"ours": ours, "generate": generated}, 1 if scope.quick else 3)
    return [
        {
            "name": f"{len(endings)} items a person",
            "factor": ratio(paces["ours"], paces["generate"])._asdict(),
            "ours": typical(paces["ours"])._asdict(),
            "generate": typical(paces["generate"])._asdict(),
            "tokens": generator.expect(beginning, endings, STARS).tokens / len(endings),
        }
    ]


def _generate(generator: Generator, text: str) -> None:
    """What one writes with transformers alone: read the whole text, have one token generated."""
    import torch

    tokenizer, network = generator.loaded
    read = tokenizer(text, return_tensors="pt")
    with torch.inference_mode():
        network.generate(**read, max_new_tokens=1, do_sample=False, pad_token_id=tokenizer.pad_token_id)
