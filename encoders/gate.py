"""How much a picture counts beside the text of the same item, as it was learned from what people liked."""

from pathlib import Path
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from recloop.encoders.arrays import load_arrays, save_arrays

NAME = "gate.safetensors"
"""The file, in the folder that `recloop finetune` writes."""

Doubles = NDArray[np.float64]


class Gate(NamedTuple):
    """The picture's share of an item (Arevalo et al., 2017, with one gate an item instead of one a number)

    w = sigmoid(<a, text> + <b, picture> + c)
    """

    text: Doubles  # a, [texts' dim]
    picture: Doubles  # b, [pictures' dim]
    bias: Doubles  # c, [1]

    @classmethod
    def even(cls, text_dim: int, picture_dim: int) -> Self:
        """Half and half for every item."""
        return cls(np.zeros(text_dim), np.zeros(picture_dim), np.zeros(1))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote into `folder`.

        Raises:
            ValueError: there is none, or it is damaged.
        """
        try:
            arrays = load_arrays(folder / NAME)
        except FileNotFoundError as error:
            raise ValueError(f"gate is {str(folder)!r}, which holds no {NAME}; learn one: recloop finetune") from error
        if set(arrays) != set(cls._fields):
            raise ValueError(f"gate is {str(folder)!r}, whose {NAME} holds something else; learn one: recloop finetune")
        return cls(**arrays)

    def save(self, folder: Path) -> None:
        """Write it into `folder`."""
        save_arrays(folder / NAME, self._asdict())

    def shares(self, read: Doubles, seen: Doubles) -> Doubles:
        """w of each item [n], of its text [n, texts' dim] and its picture [n, pictures' dim].

        Raises:
            ValueError: it was learned of vectors of other lengths.
        """
        told, learned = (read.shape[1], seen.shape[1]), (len(self.text), len(self.picture))
        if told != learned:
            raise ValueError(f"the gate was learned of {learned} numbers of text and picture, these are {told}")
        # each row by itself, so that an item's vector does not depend on its company
        along = np.einsum("nd,d->n", read, self.text) + np.einsum("nd,d->n", seen, self.picture)
        shares: Doubles = 1 / (1 + np.exp(-(along + self.bias)))
        return shares
