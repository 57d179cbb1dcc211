"""Linear models of the reward, one for all items: what the bandits believe and how sure they are."""

from abc import abstractmethod
from typing import Any

import torch
from stable_baselines3.common.type_aliases import PyTorchObs
from torch import Tensor

from recloop.agents.online import OnlinePolicy, latest, products
from recloop.agents.replay import Replay


class LinearPolicy(OnlinePolicy):
    """Bayesian linear regression of the reward on what is read of user and item (ridge regression)

        x(u, a) = (state * e_a, e_a, <state, e_a>, quality_a, 1, max(0, <exposure, e_a>))        [2 * dim + 4]
        A = ridge * I + sum x x'        b = sum reward * x        theta = A^-1 b

    What is learned of one item it knows of its like, so that the model is as small for a million items as for ten.
    Apart from boredom x is linear in the item, x = M_u z_a + boredom * (0 ... 0, 1) with z_a = (e_a, quality_a, 1), so
    that the means of all items are one product of matrices.

    Args:
        ridge: weight of the prior, which is that nothing matters.
        arguments: those of `OnlinePolicy`.
    """

    precision: Tensor
    evidence: Tensor
    table: Tensor

    def __init__(self, *arguments: Any, ridge: float, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.size = 2 * self.dim + 4
        table = torch.cat([self.vectors, self.quality[:, None], torch.ones(len(self.vectors), 1)], dim=1)
        self.register_buffer("table", table, persistent=False)  # z of each item, [num_items, dim + 2]
        self.register_buffer("precision", ridge * torch.eye(self.size, dtype=torch.float64))  # A
        self.register_buffer("evidence", torch.zeros(self.size, dtype=torch.float64))  # b

    @abstractmethod
    def optimistic(self, state: Tensor, table: Tensor, bored: Tensor) -> Tensor:
        """Scores [n, k] to explore by; the arguments are those of `means`."""

    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> Tensor:
        """The item [n] of the highest mean, or the most promising one."""
        assert isinstance(observation, Tensor)
        state, offered = observation[:, self.layout["state"]], self.offers.candidates(observation)
        table = self.table if offered is None else self.table[offered]  # [num_items, dim + 2] or [n, k, dim + 2]
        bored = torch.relu(products(observation[:, self.layout["exposure"]], table[..., : self.dim]))
        score = self.means(self.theta, state, table, bored) if deterministic else self.optimistic(state, table, bored)
        return self.offers.open(score, observation).argmax(dim=1)

    @property
    def factor(self) -> Tensor:
        """The lower triangular L of A = L L', float64."""
        lower: Tensor = torch.linalg.cholesky(self.precision)
        return lower

    @property
    def theta(self) -> Tensor:
        """What is believed, [2 * dim + 4]."""
        return torch.cholesky_solve(self.evidence[:, None], self.factor)[:, 0].float()

    def means(self, theta: Tensor, state: Tensor, table: Tensor, bored: Tensor) -> Tensor:
        """Expected rewards [n, k].

        Args:
            theta: what is believed, [2 * dim + 4], or by each user, [n, 2 * dim + 4].
            state: of the users, [n, dim].
            table: z of each item, [k, dim + 2], or of the items offered to each user, [n, k, dim + 2].
            bored: boredom with each, [n, k].
        """
        query = self._of_items(state, theta.reshape(-1, self.size, 1))[:, :, 0]  # [n, dim + 2]
        return torch.addcmul(products(query, table), theta[..., -1:], bored)

    def deviations(self, state: Tensor, table: Tensor, bored: Tensor) -> Tensor:
        """Square roots of x' A^-1 x, [n, k]: a quadratic form in z, and two terms of boredom.

        The arguments are those of `means`.
        """
        inverse = torch.cholesky_inverse(self.factor).float()
        half = self._of_items(state, inverse[None])  # M' A^-1, [n, dim + 2, 2 * dim + 4]
        form = self._of_items(state, half.mT)  # M' A^-1 M, [n, dim + 2, dim + 2]
        squares = ((table @ form) * table).sum(dim=2)  # [n, k]
        squares += bored * (2 * products(half[:, :, -1], table) + inverse[-1, -1] * bored)
        return squares.clamp(min=0).sqrt()

    def _of_items(self, state: Tensor, values: Tensor) -> Tensor:
        """M' times `values` [n, 2 * dim + 4, k], [n, dim + 2, k]."""
        both, items, similar, rest = values.tensor_split((self.dim, 2 * self.dim, 2 * self.dim + 1), dim=1)
        of_vectors = state[:, :, None] * (both + similar) + items  # [n, dim, k]
        return torch.cat([of_vectors, rest[:, :2].expand(len(state), -1, -1)], dim=1)

    def fit(self, replay: Replay, new_steps: int) -> float:
        """Take the new steps into A and b; the loss is the squared error that was made on them."""
        rows = latest(replay, new_steps)
        observation, action, reward = (
            replay.to_torch(values[rows]).flatten(0, 1)
            for values in (replay.observations, replay.actions, replay.rewards)
        )
        x = self._features(observation, action[:, 0].long())  # [n, 2 * dim + 4]
        error = float(((x @ self.theta - reward) ** 2).mean())
        self.precision += x.T.double() @ x.double()
        self.evidence += x.T.double() @ reward.double()
        return error

    def _features(self, observation: Tensor, actions: Tensor) -> Tensor:
        """x of the actions taken [n], [n, 2 * dim + 4]."""
        taken = self.offers.items(observation, actions)
        e, state = self.vectors[taken], observation[:, self.layout["state"]]
        bored = torch.relu((observation[:, self.layout["exposure"]] * e).sum(1))
        others = (state * e).sum(1), self.quality[taken], torch.ones_like(bored), bored
        return torch.cat([state * e, e, torch.stack(others, dim=1)], dim=1)
