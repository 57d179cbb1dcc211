"""A language model that learns from behaviour: texts that the same people like come to lie together."""

import shutil
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from recloop.encoders import pretrained
from recloop.encoders.gate import Gate
from recloop.encoders.pictured import Pictured
from recloop.encoders.transformer import Transformer, pool

if TYPE_CHECKING:
    import torch

Method = Literal["last", "lora", "gate"]
Negatives = Literal["rated", "batch"]

_WEIGHT_DECAY, _LONGEST_STEP, _PAIRS = 0.01, 1.0, 512


class Behaviour(NamedTuple):
    """What people did with what the texts tell of."""

    liked: sparse.csc_array  # [people, texts] 1 where liked
    rated: sparse.csc_array  # [people, texts] 1 where liked or not

    def of(self, people: NDArray[np.bool_]) -> "Behaviour":
        """The same of the people marked, [people]; nobody else did anything."""
        keep = sparse.diags_array(people.astype(np.float32))
        return Behaviour(sparse.csc_array(keep @ self.liked), sparse.csc_array(keep @ self.rated))


class Epoch(NamedTuple):
    """How far learning is."""

    number: int  # 0 before anything was learned
    loss: float  # of the people learned from, mean over the epoch; NaN before
    validation_loss: float  # of people not learned from
    is_best: bool


@dataclass(frozen=True)
class FineTuning:
    """Contrastive learning of a `Transformer`, or of the `Gate` of a `Pictured`, from likes.

    A step reads `batch_texts` texts. For a person who likes two of them or more, a liked text j is to be found among
    texts they do not like by the mean a of the others that they like:

        loss = -log( exp(<a, e_j> / temperature) / (exp(<a, e_j> / temperature) + sum_k exp(<a, e_k> / temperature)) )

    with e the vectors centred on the mean that they had before, of length one (InfoNCE; van den Oord et al., 2018). The
    texts k are those that the person rated and did not like ("rated": what they like of what they chose), or all others
    of the batch ("batch": what they choose).

    Args:
        method: "last" moves all weights of the last `layers` layers; "lora" adds to each of their matrices a product of
            two of rank `rank` (Hu et al., 2022), which is merged into the weights at the end; "gate" learns how much
            each item's picture counts beside its text, and leaves both encoders as they are.
        layers: from the last one on, that learn.
        rank: of what LoRA adds.
        negatives: see above.
        temperature: see above.
        learning_rate: of AdamW.
        batch_texts: texts of a step.
        epochs: at most; an epoch reads every text once.
        patience: epochs without a lower loss of the validation people after which learning ends.
        seed: of batches, pairs and LoRA's first matrices.
    """

    method: Method = "last"
    layers: int = 2
    rank: int = 8
    negatives: Negatives = "batch"
    temperature: float = 0.1
    learning_rate: float = 5e-5
    batch_texts: int = 128
    epochs: int = 10
    patience: int = 2
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, kinds in (("method", get_args(Method)), ("negatives", get_args(Negatives))):
            if getattr(self, name) not in kinds:
                raise ValueError(f"{name} is {getattr(self, name)!r}; choose one of {', '.join(kinds)}")
        for name in ("layers", "rank", "epochs", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; give a whole number of 1 or more")
        for name in ("temperature", "learning_rate"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give a number above 0")
        if self.batch_texts < 4:
            raise ValueError(f"batch_texts is {self.batch_texts}; at least 4 can be compared")

    def of(self, encoder: Transformer | Pictured, texts: Sequence[str]) -> "Tuner":
        """Ready to learn on `texts`.

        Raises:
            ValueError: the encoder has nothing that the method teaches, the model has fewer layers than are to learn,
                or "lora" lacks the package peft.
        """
        if isinstance(encoder, Pictured) != (self.method == "gate"):
            told = "looks at pictures" if isinstance(encoder, Pictured) else "reads texts alone"
            raise ValueError(f"method is {self.method} and the encoder {told}; gate, and it alone, is for pictures")
        return GateTuner(self, encoder, texts) if isinstance(encoder, Pictured) else NetworkTuner(self, encoder, texts)


class Tuner(ABC):
    """An encoder while it learns; `save` writes the best there was so far, at any moment.

    Args:
        settings: how it learns.
        learning: the weights that do.
        num_texts: how many there are.
    """

    def __init__(self, settings: FineTuning, learning: "list[torch.Tensor]", num_texts: int) -> None:
        import torch

        self.settings, self.learning = settings, learning
        with torch.no_grad():
            self.centre = self._raw(np.arange(num_texts)).mean(dim=0)  # [dim]
        self.best = self._weights()

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write the best there was."""

    @abstractmethod
    def _read(self, rows: NDArray[np.intp]) -> "torch.Tensor":
        """Vectors of length one, [rows, dim]."""

    def learn(self, train: Behaviour, validation: Behaviour) -> Iterator[Epoch]:
        """Learn until the loss of `validation` no longer falls; gives each epoch.

        Raises:
            ValueError: nobody likes two texts and leaves another.
        """
        import torch

        rng, tuning = np.random.default_rng(self.settings.seed), self.settings
        optimizer = torch.optim.AdamW(self.learning, tuning.learning_rate, weight_decay=_WEIGHT_DECAY)
        least, since = self._validation(validation), 0
        yield Epoch(0, np.nan, least, True)
        for number in range(1, tuning.epochs + 1):
            losses = []
            for rows in _split(rng.permutation(_active(train)), tuning.batch_texts):
                losses += self._step(optimizer, rows, train, rng)
            reached = self._validation(validation)
            is_best, since = reached < least, 0 if reached < least else since + 1
            if is_best:
                least, self.best = reached, self._weights()
            yield Epoch(number, float(np.mean(losses)) if losses else np.nan, reached, is_best)
            if since >= tuning.patience:
                return

    def _weights(self) -> "list[torch.Tensor]":
        return [weights.detach().clone() for weights in self.learning]

    def _step(
        self, optimizer: "torch.optim.Optimizer", rows: NDArray[np.intp], train: Behaviour, rng: np.random.Generator
    ) -> list[float]:
        """One step on the texts `rows`; gives its loss, nothing where nobody can be asked."""
        import torch

        asked = _asked(train, rows, self.settings.negatives, rng)
        if asked is None:
            return []
        optimizer.zero_grad()
        loss = self._loss(self._vectors(rows), asked)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.learning, _LONGEST_STEP)
        optimizer.step()
        return [float(loss.detach())]

    def _validation(self, people: Behaviour) -> float:
        """Mean loss over the same batches and pairs every time."""
        import torch

        rng, losses = np.random.default_rng(self.settings.seed), []
        for rows in _split(rng.permutation(_active(people)), self.settings.batch_texts):
            asked = _asked(people, rows, self.settings.negatives, rng)
            if asked is not None:
                with torch.no_grad():
                    losses.append(float(self._loss(self._vectors(rows), asked)))
        if not losses:
            raise ValueError("nobody likes two texts of a batch and leaves another; take more people or larger batches")
        return float(np.mean(losses))

    def _loss(self, vectors: "torch.Tensor", asked: "_Asked") -> "torch.Tensor":
        """See `FineTuning`; `vectors` are [batch, dim]."""
        import torch

        found, others, wrong = (torch.from_numpy(part).to(vectors.device) for part in asked)
        anchors = torch.nn.functional.normalize(others @ vectors, dim=1)  # [pairs, dim]
        likeness = anchors @ vectors.T / self.settings.temperature  # [pairs, batch]
        wrong[torch.arange(len(found), device=found.device), found] = True
        return torch.nn.functional.cross_entropy(likeness.masked_fill(~wrong, -torch.inf), found)

    def _vectors(self, rows: NDArray[np.intp]) -> "torch.Tensor":
        """Centred vectors of length one, [rows, dim]."""
        import torch

        return torch.nn.functional.normalize(self._read(rows) - self.centre, dim=1)

    def _raw(self, rows: NDArray[np.intp]) -> "torch.Tensor":
        import torch

        return torch.cat([self._read(part) for part in _split(rows, self.settings.batch_texts)])

    def _put_back(self) -> None:
        """The best weights there were."""
        import torch

        with torch.no_grad():
            for weights, best in zip(self.learning, self.best, strict=True):
                weights.copy_(best)


class NetworkTuner(Tuner):
    """A language model while it learns.

    Args:
        settings: how it learns.
        encoder: what it begins as; stays as it is.
        texts: all there are.
    """

    def __init__(self, settings: FineTuning, encoder: Transformer, texts: Sequence[str]) -> None:
        import torch

        self.pooling, self.device = encoder.pooling, encoder.device
        self.folder, (tokenizer, network) = encoder.to_learn()
        prefixed = [encoder.prefix + text for text in texts]
        self.tokens = tokenizer(prefixed, truncation=True, max_length=encoder.max_tokens)["input_ids"]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.network = _prepared(settings, network)
        learning = [weights for weights in self.network.parameters() if weights.requires_grad]
        super().__init__(settings, learning, len(texts))

    def save(self, folder: Path) -> None:
        """Write the best model there was as a model folder: config.json, model.safetensors, tokenizer."""
        self._put_back()
        network = self.network.merge_and_unload() if self.settings.method == "lora" else self.network
        folder.mkdir(parents=True, exist_ok=True)
        network.save_pretrained(folder)
        for name in pretrained.SETTINGS[1:]:
            if (self.folder / name).is_file():
                shutil.copyfile(self.folder / name, folder / name)

    def _read(self, rows: NDArray[np.intp]) -> "torch.Tensor":
        """Vectors of length one, [rows, dim], padded to the longest text of the batch."""
        import torch

        tokens = [self.tokens[row] for row in rows]
        ids = torch.zeros((len(rows), max(map(len, tokens))), dtype=torch.int64)
        seen = torch.zeros_like(ids)
        for row, own in enumerate(tokens):
            ids[row, : len(own)], seen[row, : len(own)] = torch.tensor(own), 1
        ids, seen = ids.to(self.device), seen.to(self.device)
        hidden = self.network(input_ids=ids, attention_mask=seen).last_hidden_state
        return torch.nn.functional.normalize(pool(hidden, seen, self.pooling), dim=1)


class GateTuner(Tuner):
    """How much pictures count, while it is learned.

    Args:
        settings: how it learns.
        encoder: whose texts and pictures are read once; stays as it is.
        texts: all there are.
    """

    def __init__(self, settings: FineTuning, encoder: Pictured, texts: Sequence[str]) -> None:
        import torch

        halves = encoder.halves(texts)
        self.text, self.picture = (torch.from_numpy(half).float() for half in halves)  # [texts, dim] each
        start = Gate.even(*(half.shape[1] for half in halves))
        super().__init__(
            settings, [torch.tensor(each, dtype=torch.float32, requires_grad=True) for each in start], len(texts)
        )

    def save(self, folder: Path) -> None:
        """Write the best gate there was."""
        self._put_back()
        Gate(*(weights.detach().double().numpy() for weights in self.learning)).save(folder)

    def _read(self, rows: NDArray[np.intp]) -> "torch.Tensor":
        """As `Pictured` fuses by a gate."""
        import torch

        along, towards, bias = self.learning
        text, picture = self.text[rows], self.picture[rows]
        share = torch.sigmoid(text @ along + picture @ towards + bias)[:, None]  # [rows, 1]
        fused = torch.cat([torch.sqrt(1 - share) * text, torch.sqrt(share) * picture], dim=1)
        return torch.nn.functional.normalize(fused, dim=1)


class _Asked(NamedTuple):
    """Pairs of a person and a text that they like, for the texts of a batch."""

    found: NDArray[np.int64]  # [pairs] place of the text in the batch
    others: NDArray[np.float32]  # [pairs, batch] 1 where the person likes another text
    wrong: NDArray[np.bool_]  # [pairs, batch] where a text is to be told from it


def _asked(people: Behaviour, rows: NDArray[np.intp], negatives: Negatives, rng: np.random.Generator) -> _Asked | None:
    """Pairs at random, at most `_PAIRS`; None if nobody likes two texts of the batch and leaves another."""
    liked = people.liked[:, rows].toarray() > 0  # [people, batch]
    wrong = ~liked if negatives == "batch" else (people.rated[:, rows].toarray() > 0) & ~liked
    able = (liked.sum(axis=1) >= 2) & wrong.any(axis=1)
    who, found = np.nonzero(liked & able[:, None])
    if not len(who):
        return None
    chosen = rng.permutation(len(who))[:_PAIRS]
    who, found = who[chosen], found[chosen]
    others = liked[who].astype(np.float32)
    others[np.arange(len(who)), found] = 0
    return _Asked(found, others, wrong[who])


def _active(people: Behaviour) -> NDArray[np.intp]:
    """Texts that somebody rated."""
    return np.flatnonzero(np.diff(people.rated.indptr) > 0)


def _split(rows: NDArray[np.intp], size: int) -> list[NDArray[np.intp]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _prepared(settings: FineTuning, network: Any) -> Any:
    """The network with the weights frozen that do not learn."""
    network.requires_grad_(False)
    blocks = _blocks(network, settings.layers)
    if settings.method == "last":
        for block in blocks:
            block.requires_grad_(True)
        return network
    return _with_lora(network, blocks, settings.rank)


def _blocks(network: Any, layers: int) -> list[Any]:
    """The last `layers` layers: transformers keeps them in its longest list of modules."""
    import torch

    lists = [module for module in network.modules() if isinstance(module, torch.nn.ModuleList)]
    blocks = list(max(lists, key=len, default=[]))
    if layers > len(blocks):
        raise ValueError(f"layers is {layers}, but the model has {len(blocks)}; lower it")
    return blocks[-layers:]


def _with_lora(network: Any, blocks: list[Any], rank: int) -> Any:
    import torch

    try:
        from peft import LoraConfig, get_peft_model
    except ImportError as error:
        raise ValueError("method is 'lora', which needs the package peft; pip install 'recloop[lora]'") from error
    inside = {id(module) for block in blocks for module in block.modules()}
    names = [
        name for name, module in network.named_modules() if id(module) in inside and isinstance(module, torch.nn.Linear)
    ]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)  # peft 0.21 asks for it
        return get_peft_model(network, LoraConfig(r=rank, lora_alpha=2 * rank, lora_dropout=0.0, target_modules=names))
