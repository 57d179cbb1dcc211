"""Self-attention over the steps of a session, none of which sees a later one."""

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class CausalEncoder(nn.Module):
    """The encoder of SASRec (Kang and McAuley, 2018): in each block

        x = x + attention(norm(x))        x = x + feed_forward(norm(x))

    with dropout on what is added. How far back a step lies is told by a number for each head and distance, added to
    what the attention weighs (Raffel et al., 2020), and not by the paper's embeddings of positions: those would say
    where in the window a step stands, which depends on where the window begins.

    Args:
        width: of a token; a multiple of `heads`.
        heads: of attention.
        blocks: one after the other.
        length: longest sequence.
        dropout: share that is dropped in training.
    """

    def __init__(self, width: int, heads: int, blocks: int, length: int, dropout: float) -> None:
        super().__init__()
        self.distances = nn.Parameter(torch.zeros(heads, length))
        self.blocks = nn.ModuleList(_Block(width, heads, dropout) for _ in range(blocks))
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens: Tensor, sees: Tensor) -> Tensor:
        """What is known at each step [n, length, width]; at i of the `tokens` j where `sees` [n, length, length]."""
        steps = torch.arange(tokens.shape[1], device=tokens.device)
        distance = (steps[:, None] - steps).clamp(min=0)  # [length, length]
        weights = self.distances[:, distance].masked_fill(~sees[:, None], -torch.inf)  # [n, heads, length, length]
        for block in self.blocks:
            tokens = block(tokens, weights)
        known: Tensor = self.norm(tokens)
        return known


class _Block(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.attend = nn.ModuleDict({"norm": nn.LayerNorm(width), "ask": nn.Linear(width, 3 * width)})
        self.combine = nn.Sequential(nn.Linear(width, width), nn.Dropout(dropout))
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.Dropout(dropout)
        )

    def forward(self, tokens: Tensor, weights: Tensor) -> Tensor:
        asked = self.attend["ask"](self.attend["norm"](tokens))
        query, key, value = (part.unflatten(2, (self.heads, -1)).transpose(1, 2) for part in asked.chunk(3, dim=2))
        found = scaled_dot_product_attention(query, key, value, attn_mask=weights)  # [n, heads, length, width / heads]
        tokens = tokens + self.combine(found.transpose(1, 2).flatten(2))
        fed: Tensor = tokens + self.feed(tokens)
        return fed


def sees(before: Tensor) -> Tensor:
    """Which step may look at which, [n, length, length]: those of its session up to itself.

    Args:
        before: the item recommended before each step, [n, length]; -1 where a session begins or nothing is known, a
            step that only itself may look at.
    """
    session = (before < 0).cumsum(dim=1)
    same = session[:, :, None] == session[:, None, :]
    itself = torch.eye(before.shape[1], dtype=torch.bool, device=before.device)
    return (same & (before >= 0)[:, None, :]).tril() | itself
