"""Many short texts read after one beginning, of which no text needs a copy."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

_NAME = "recloop_shared_beginning"
_WIDTH = 32
"""Places of a text in its own attention: of one text always the same number, so that company moves no last digit."""

_ROWS = 16
"""The last layer reads a multiple of so many texts, for the same reason."""


class Memory(NamedTuple):
    """What a network remembers of the beginning."""

    length: int
    layers: "list[tuple[torch.Tensor, torch.Tensor]]"  # keys and values, [heads, length, size] each


class _Packed(NamedTuple):
    """Texts one after the other, and filled up."""

    ids: "torch.Tensor"  # [1, tokens]
    positions: "torch.Tensor"  # [1, tokens] in the whole text
    places: "torch.Tensor"  # [n, width] where in `ids` each text's tokens are, then those of no text
    back: "torch.Tensor"  # [tokens] where in `places`, flat, each token is
    last: "torch.Tensor"  # [n, filled up to `_ROWS`] where in `ids` each text ends


def remember(network: Any, beginning: Sequence[int]) -> Memory:
    """Read the beginning, once."""
    import torch

    ids = torch.tensor([beginning], device=network.device)
    past = network.base_model(input_ids=ids, use_cache=True).past_key_values
    return Memory(len(beginning), [(layer.keys[0], layer.values[0]) for layer in past.layers])


def batches(texts: Sequence[Sequence[int]], tokens: int) -> Iterator[list[int]]:
    """Which of `texts` are read together: as many as `tokens` hold, of about one length."""
    widths: dict[int, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        widths[_width(text)].append(place)
    for width, members in sorted(widths.items()):
        batch: list[int] = []
        free = _size(width, tokens)
        for place in members:
            if len(texts[place]) > free:
                yield batch
                batch, free = [], _size(width, tokens)
            batch.append(place)
            free -= len(texts[place])
        yield batch


def read(network: Any, memory: Memory, texts: Sequence[Sequence[int]], tokens: int) -> "torch.Tensor":
    """Logits of the token that comes after the beginning and each of one batch of texts, [n, vocabulary].

    The texts stand one after the other in a row of `tokens`, and each token attends to the beginning, of which there is
    one copy, and to what is before it in its own text; both parts of the softmax are put together by their
    normalisers (Hydragen: Juravsky et al., 2024; cascade inference in FlashInfer: Ye et al., 2025).

    Raises:
        ValueError: the network's attention is of a kind that cannot be put together so.
    """
    packed = _pack(texts, memory.length, _size(max(map(_width, texts)), tokens), network.device)
    with _attending(network):
        attended: set[int] = set()
        logits: torch.Tensor = network(
            input_ids=packed.ids,
            position_ids=packed.positions,
            use_cache=False,
            logits_to_keep=packed.last,
            memory=memory,
            packed=packed,
            attended=attended,
        ).logits
    if len(attended) != len(memory.layers):
        raise ValueError(
            f"a model of type {network.config.model_type} computes attention in its own way, in which no beginning can "
            "be shared; choose another, such as a llama or gpt2"
        )
    return logits[0, : len(texts)]


def _width(text: Sequence[int]) -> int:
    return -(-len(text) // _WIDTH) * _WIDTH


def _size(width: int, tokens: int) -> int:
    return max(width, tokens)


def _pack(texts: Sequence[Sequence[int]], start: int, size: int, device: Any) -> _Packed:
    import torch

    width = max(map(_width, texts))
    ids, positions, back = torch.zeros((3, size), dtype=torch.int64)
    places = torch.full((len(texts), width), size - 1)
    last, at = [], 0
    for row, text in enumerate(texts):
        end = at + len(text)
        ids[at:end] = torch.tensor(text)
        positions[at:end] = torch.arange(start, start + len(text))
        places[row, : len(text)] = torch.arange(at, end)
        back[at:end] = torch.arange(row * width, row * width + len(text))
        last.append(end - 1)
        at = end
    last += [0] * (-len(last) % _ROWS)
    return _Packed(*(part.to(device) for part in (ids[None], positions[None], places, back, torch.tensor(last))))


@contextmanager
def _attending(network: Any) -> Iterator[None]:
    """The network attends by `_attend` within the block."""
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, _attend)
    before = network.config._attn_implementation
    network.set_attn_implementation(_NAME)
    try:
        yield
    finally:
        network.set_attn_implementation(before)


def _attend(
    module: Any,
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attention_mask: None,
    *,
    memory: Memory,
    packed: _Packed,
    attended: set[int],
    scaling: float | None = None,
    softcap: float | None = None,
    sliding_window: int | None = None,
    s_aux: Any = None,
    **_: Any,
) -> "tuple[torch.Tensor, None]":
    """Attention of one layer as transformers asks for it: queries [1, heads, tokens, size], keys with fewer heads.

    A network may ask for scores that are capped; windows shorter than the text and sinks are refused.
    """
    import torch

    n, width = packed.places.shape
    if s_aux is not None or (sliding_window is not None and memory.length + width > sliding_window):
        raise ValueError(
            f"a model of type {module.config.model_type} attends to sinks, or to the latest {sliding_window} tokens "
            f"alone, in which no beginning of {memory.length} can be shared; choose another, or tell less of the person"
        )
    attended.add(module.layer_idx)
    (heads, tokens, size), groups = query.shape[1:], key.shape[1]
    shared_key, shared_value = memory.layers[module.layer_idx]  # [groups, length, size]
    asked = query[0].reshape(groups, -1, tokens, size) * (size**-0.5 if scaling is None else scaling)
    before = _part(asked.flatten(1, 2) @ shared_key.mT, shared_value, softcap)
    before = _Part(*(part.view(groups, -1, tokens, part.shape[-1]) for part in before))
    own_asked = asked[:, :, packed.places].transpose(1, 2).flatten(2, 3)  # [groups, n, heads a group * width, size]
    own_key, own_value = key[0][:, packed.places], value[0][:, packed.places]  # [groups, n, width, size]
    later = torch.ones((width, width), dtype=torch.bool, device=query.device).triu(1).repeat(heads // groups, 1)
    own = _part(own_asked @ own_key.mT, own_value, softcap, later)
    own = _Part(*(_in_a_row(part.view(groups, n, -1, width, part.shape[-1]), packed.back) for part in own))
    mixed = _mixed(before, own)  # [groups, heads a group, tokens, size]
    return mixed.reshape(1, heads, tokens, -1).transpose(1, 2).contiguous().to(query.dtype), None


class _Part(NamedTuple):
    """Of a part of a softmax, [..., 1, 1 or size]."""

    highest: "torch.Tensor"  # score
    total: "torch.Tensor"  # of the exponentials of scores above it
    summed: "torch.Tensor"  # values, so weighed


def _part(
    scores: "torch.Tensor", values: "torch.Tensor", softcap: float | None, hidden: "torch.Tensor | None" = None
) -> _Part:
    scores = scores.float()
    if softcap is not None:
        scores = softcap * (scores / softcap).tanh()
    if hidden is not None:
        scores = scores.masked_fill(hidden, float("-inf"))
    highest = scores.amax(dim=-1, keepdim=True)
    weights = (scores - highest).exp_()
    return _Part(highest, weights.sum(dim=-1, keepdim=True), (weights.to(values.dtype) @ values).float())


def _in_a_row(part: "torch.Tensor", back: "torch.Tensor") -> "torch.Tensor":
    """From [groups, n, heads a group, width, ...] to [groups, heads a group, tokens, ...]."""
    return part.transpose(1, 2).flatten(2, 3)[:, :, back]


def _mixed(one: _Part, other: _Part) -> "torch.Tensor":
    """The softmax over both parts."""
    import torch

    highest = torch.maximum(one.highest, other.highest)
    weight, weight_of_other = (one.highest - highest).exp(), (other.highest - highest).exp()
    summed = one.summed * weight + other.summed * weight_of_other
    return summed / (one.total * weight + other.total * weight_of_other)
