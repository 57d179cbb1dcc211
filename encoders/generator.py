"""A generative language model: how much it expects each of a few answers, and how it goes on."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from recloop.encoders import pretrained, shared_beginning
from recloop.encoders.encoder import Vectors
from recloop.encoders.fingerprint import fingerprint
from recloop.encoders.shared_beginning import Memory

Dtype = Literal["float32", "bfloat16"]

NUCLEUS = 0.9
TEMPERATURE = 0.8
_DRAWN = {"do_sample": True, "top_p": NUCLEUS, "top_k": 0, "temperature": TEMPERATURE}


class Expected(NamedTuple):
    """What a model expects, and what it took to ask."""

    log_chances: Vectors  # [n, answers] natural logarithms, of all tokens that might come next
    tokens: int  # that were read, padding not counted


@dataclass(frozen=True)
class Generator:
    """Reads texts with a causal language model: how likely each of a few answers is to come next, and how it goes on.

    `model` is a folder (config.json, model.safetensors, tokenizer.json) or a hub name with its commit, as for
    `Transformer`; safetensors only, and a model's own code is never run.

    Texts come as a beginning that many share, a persona, and endings, an item each. The beginning is read once: its
    keys and values, in every layer, are what all endings attend to (prefix caching, as in vLLM or RadixAttention; Kwon
    et al., 2023, Zheng et al., 2024), in one copy (`shared_beginning`). Beginning and ending are split into tokens
    apart, so that no token spans both.
    An answer's chance is the model's own, read off the last token of the text; nothing is sampled for it.

    One text, one figure: endings are read in rows of `batch_tokens` tokens, and each attends within as many places
    whatever stands beside it, so that company does not move the last digits.
    """

    model: str
    revision: str | None = None
    dtype: Dtype = "float32"
    device: str = "cpu"
    max_tokens: int = 1024
    batch_tokens: int = 256

    def __post_init__(self) -> None:
        """Refuse at the door what cannot be right."""
        if self.dtype not in get_args(Dtype):
            raise ValueError(f"dtype is {self.dtype!r}; choose one of {', '.join(get_args(Dtype))}")
        if self.max_tokens < 4 or self.batch_tokens < 1:
            raise ValueError(
                f"max_tokens is {self.max_tokens}, batch_tokens {self.batch_tokens}; at least 4 and 1 are needed"
            )
        pretrained.check_name(self._name)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of the model's files and of every setting that changes figures, which the device should not."""
        return fingerprint(
            generator="causal",
            version=2,
            files=pretrained.fingerprints(self._folder),
            dtype=self.dtype,
            batch_tokens=self.batch_tokens,
        )

    def expect(self, beginning: str, endings: Sequence[str], answers: Sequence[str]) -> Expected:
        """Say how likely each of `answers` is after `beginning` and each of `endings`; see `Expected`.

        Raises:
            ValueError: an answer is not one token, beginning or ending has none, both together exceed `max_tokens`, or
                the model cannot be fetched or loaded.
        """
        import torch

        asked = self._answers(answers)
        shared, own = self._tokens([beginning])[0], self._tokens(endings)
        self._refuse_long(shared, own)
        found = np.empty((len(own), len(asked)), np.float32)  # [n, answers]
        with torch.inference_mode():
            memory = shared_beginning.remember(self.loaded.network, shared)
            for members in shared_beginning.batches(own, self.batch_tokens):
                texts = [own[member] for member in members]
                logits = shared_beginning.read(self.loaded.network, memory, texts, self.batch_tokens)
                found[members] = logits.float().log_softmax(dim=1)[:, asked].cpu().numpy()
        return Expected(found, len(shared) + sum(map(len, own)))

    def generate(
        self, beginning: str, endings: Sequence[str], *, until: str, most: int, seed: int | None = None
    ) -> list[str | None]:
        """How the model goes on after `beginning` and each of `endings`, as far as `until`, which is one token.

        None where it does not come to that within `most` tokens. The likeliest token is taken each time; with a `seed`
        tokens are drawn among the likeliest that make up `NUCLEUS` of the chance, at `TEMPERATURE`. Endings of one
        length are read together: what is drawn for one depends on which others are there.

        Raises:
            ValueError: as `expect`.
        """
        import torch

        (stop,) = self._answers([until])
        shared, own = self._tokens([beginning])[0], self._tokens(endings)
        self._refuse_long(shared, own, most)
        drawn: dict[str, Any] = {"do_sample": False} if seed is None else _DRAWN
        said: list[str | None] = [None] * len(own)
        with torch.inference_mode(), torch.random.fork_rng():
            torch.manual_seed(seed or 0)
            memory = shared_beginning.remember(self.loaded.network, shared)
            for members in _of_one_length(own):
                ids = torch.tensor([shared + own[member] for member in members], device=self.device)  # [n, tokens]
                made = self.loaded.network.generate(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    past_key_values=_copies(memory, len(members)),
                    max_new_tokens=most,
                    eos_token_id=stop,
                    pad_token_id=stop,
                    **drawn,
                )
                for member, tokens in zip(members, made[:, ids.shape[1] :].tolist(), strict=True):
                    if stop in tokens:
                        said[member] = self.loaded.tokenizer.decode(tokens[: tokens.index(stop)])
        return said

    @property
    def _name(self) -> str:
        return self.model if self.revision is None else f"{self.model}@{self.revision}"

    @cached_property
    def _folder(self) -> Path:
        return pretrained.local_folder(self._name)

    @cached_property
    def loaded(self) -> pretrained.Pretrained:
        """The model itself, for whoever wants text of it."""
        return pretrained.load_generator(self._folder, self.dtype, self.device)

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        tokens: list[list[int]] = self.loaded.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        pretrained.refuse_unread(texts, tokens, self._name)
        return tokens

    def _answers(self, answers: Sequence[str]) -> list[int]:
        tokens = self._tokens(answers)
        for answer, ids in zip(answers, tokens, strict=True):
            if len(ids) != 1:
                raise ValueError(f"answer {answer!r} is {len(ids)} tokens of {self._name}; choose answers of one token")
        return [ids[0] for ids in tokens]

    def _refuse_long(self, shared: list[int], own: list[list[int]], more: int = 0) -> None:
        longest = len(shared) + max(map(len, own), default=0) + more
        if longest > self.max_tokens:
            raise ValueError(
                f"a text has {longest} tokens, but max_tokens is {self.max_tokens}; tell less of the person or item"
            )


def _copies(memory: Memory, rows: int) -> Any:
    """A cache in which every one of `rows` rows has read the same beginning."""
    from transformers import DynamicCache

    return DynamicCache([tuple(kept.expand(rows, -1, -1, -1) for kept in layer) for layer in memory.layers])


def _of_one_length(tokens: list[list[int]]) -> list[list[int]]:
    """The places of those of each length, the shortest first."""
    places: dict[int, list[int]] = defaultdict(list)
    for place, own in enumerate(tokens):
        places[len(own)].append(place)
    return [members for _, members in sorted(places.items())]
