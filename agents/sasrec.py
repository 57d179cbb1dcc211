"""A supervised model of clicks that attends to the session, and recommends greedily: the baseline that RL must beat."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from stable_baselines3.common.torch_layers import create_mlp
from stable_baselines3.common.type_aliases import PyTorchObs
from stable_baselines3.common.vec_env import VecEnv
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from recloop.agents.attention import CausalEncoder, sees
from recloop.agents.networks import LOG_SPEED, SHIFT
from recloop.agents.online import OnlineLearner, OnlinePolicy, latest, products, refuse_others
from recloop.agents.policy import Bools, Floats, Ints, ItemSpace
from recloop.agents.ranges import ABOVE_0, ENDLESS, check_ranges
from recloop.agents.replay import Replay
from recloop.agents.says import check_says


class Recent(NamedTuple):
    """What is remembered of sessions: the latest steps, oldest first."""

    items: Ints  # [n, length] recommended, -1 for none
    answers: Floats  # [n, length] clicks; the last is not known before the next observation


class Windows(NamedTuple):
    """Steps out of the replay buffer."""

    before: Tensor  # [n, length] the item recommended before each, -1 where a session begins
    observation: Tensor  # [n, length, size]
    items: Tensor  # [n, length] recommended
    reward: Tensor  # [n, length]


@dataclass(frozen=True)
class SASRecAgent:
    """A self-attentive sequential model (SASRec; Kang and McAuley, 2018) of the next click, used greedily.

    It differs from the paper where a simulated session does: its tokens are what it has recommended itself with the
    answers, not what somebody clicked on their own; it is told what else is observed; and since it sees who did not
    click, it needs no sampled negatives and costs the same for any number of items. See `SASRecPolicy`.

    Args:
        num_envs: users served at once.
        rollout_steps: steps of each user between fits.
        width: of the tokens and of the hidden layers.
        heads: of attention.
        blocks: of attention and feed-forward, one after the other.
        length: steps of a session that are attended to.
        dropout: share of activations that are dropped in training.
        buffer_steps: steps kept to learn from.
        batch_size: windows of `length` steps in a gradient step.
        replay_ratio: how often each step is learned from; gradient steps follow from it.
        learning_rate: of Adam.
        exploration: share of recommendations in training that are drawn from the likeliest.
        explore_best: so many likeliest.
        scales: initial weights of similarity, boredom and quality.
    """

    num_envs: int = 64
    rollout_steps: int = 8
    width: int = 64
    heads: int = 2
    blocks: int = 2
    length: int = 20
    dropout: float = 0.1
    buffer_steps: int = 100_000
    batch_size: int = 64
    replay_ratio: float = 8.0
    learning_rate: float = 1e-3
    exploration: float = 0.2
    explore_best: int = 200
    scales: tuple[float, float, float] = (25.0, 10.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing can be learned."""
        check_ranges(
            self,
            num_envs=(1, ENDLESS),
            rollout_steps=(1, ENDLESS),
            width=(1, ENDLESS),
            heads=(1, ENDLESS),
            blocks=(1, ENDLESS),
            length=(1, ENDLESS),
            dropout=(0, 0.9),
            buffer_steps=(1, ENDLESS),
            batch_size=(1, ENDLESS),
            replay_ratio=(ABOVE_0, ENDLESS),
            learning_rate=(ABOVE_0, 1),
            exploration=(0, 1),
            explore_best=(1, ENDLESS),
            scales=(ABOVE_0, ENDLESS),
        )
        if self.width % self.heads:
            raise ValueError(f"width is {self.width}, which {self.heads} heads cannot share; give a multiple of heads")

    @property
    def name(self) -> str:
        """What the agent is called in tables."""
        return "SASRec, greedy"

    def check_says(self, says: str, *, repeats: bool) -> None:
        """Refuse actions that it cannot take, see `agents/says.py`."""
        check_says(says, "item", repeats=repeats)

    def learner(self, env: VecEnv, items: ItemSpace, seed: int, device: str) -> OnlineLearner:
        """The model, ready to learn.

        Raises:
            ValueError: it is asked for slates or vectors, or cannot see how users answer.
        """
        refuse_others(self.name, items)
        replayed = self.num_envs * self.rollout_steps * self.replay_ratio
        gradient_steps = max(1, round(replayed / (self.batch_size * self.length)))
        return OnlineLearner(
            SASRecPolicy,
            env,
            rollout_steps=self.rollout_steps,
            buffer_steps=self.buffer_steps,
            policy_kwargs={"items": items, "agent": self, "gradient_steps": gradient_steps},
            seed=seed,
            device=device,
        )


class SASRecPolicy(OnlinePolicy):
    """The chance of a click, given the session so far

        h        = causal self-attention over the (item recommended, answer) of the session's latest steps
        logit[a] = alpha <state, e_a> - beta max(0, <exposure, e_a>) + delta quality_a - shift + <f(seen, h), e_a>

    fitted by cross-entropy to the rewards of what was recommended, held to [0, 1]: a click, or its probability.

    What is seen is the observation. What it has recommended in the session it remembers in the state of `predict`; the
    answers it reads from the observation's `situation` block. An untrained one recommends what is similar and not
    boring; weights do not know the catalog.

    Args:
        agent: its settings.
        gradient_steps: of a fit.
        arguments: those of `OnlinePolicy`.
    """

    def __init__(self, *arguments: Any, agent: SASRecAgent, gradient_steps: int, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.agent, self.gradient_steps, self.answer = agent, gradient_steps, _answer(self.layout)
        size, width = self.readable, agent.width
        self.token = nn.Linear(2 * self.dim + 1, width)
        self.encoder = CausalEncoder(width, agent.heads, agent.blocks, agent.length, agent.dropout)
        layers = create_mlp(size + width, self.dim, [width])
        nn.init.normal_(layers[-1].weight, std=0.01 / np.sqrt(width))  # type: ignore[arg-type]
        nn.init.zeros_(layers[-1].bias)  # type: ignore[arg-type]
        self.query = nn.Sequential(*layers)
        self.log_scales = nn.Parameter(torch.log(torch.tensor(agent.scales)) / LOG_SPEED)
        self.shift = nn.Parameter(torch.tensor(SHIFT / LOG_SPEED))
        self.optimizer = torch.optim.Adam(self.parameters(), lr=agent.learning_rate)

    def predict(  # type: ignore[override]
        self,
        observation: Floats,
        state: Recent | None = None,
        episode_start: Bools | None = None,
        deterministic: bool = False,
    ) -> tuple[Ints, Recent]:
        """Actions [n], and what to remember."""
        self.set_training_mode(False)
        items, answers = self._recent(observation, state, episode_start)
        with torch.no_grad():
            seen = torch.as_tensor(observation, device=self.device)
            known = self.known(*(torch.as_tensor(values, device=self.device) for values in (items, answers)))
            logits = self.logits(seen, known[:, -1], self.offers.candidates(seen))
            actions = self._choose(self.offers.open(logits, seen), deterministic)
            recommended = self.offers.items(seen, actions).cpu().numpy()
        return actions.cpu().numpy(), Recent(
            _push(items, recommended), _push(answers, np.zeros(len(items), np.float32))
        )

    def _predict(self, observation: PyTorchObs, deterministic: bool = False) -> Tensor:
        raise NotImplementedError("predict remembers the session, this cannot")

    def _recent(self, observation: Floats, state: Recent | None, episode_start: Bools | None) -> Recent:
        """The steps before this one, with the last answer."""
        shape = len(observation), self.agent.length
        items, answers = (np.full(shape, -1), np.zeros(shape, np.float32)) if state is None else state
        if episode_start is not None:
            items = np.where(episode_start[:, None], -1, items)
        return Recent(items, np.concatenate([answers[:, :-1], observation[:, self.answer, None]], axis=1))

    def known(self, before: Tensor, answers: Tensor) -> Tensor:
        """h at each of the steps [n, length], [n, length, width].

        Args:
            before: the item recommended before each, -1 where a session begins.
            answers: to those.
        """
        e = self.vectors[before.clamp(min=0)]  # [n, length, dim]
        told = torch.cat([e, e * answers[:, :, None], answers[:, :, None]], dim=2) * (before >= 0)[:, :, None]
        known: Tensor = self.encoder(self.token(told), sees(before))
        return known

    def logits(self, observation: Tensor, known: Tensor, items: Tensor | None) -> Tensor:
        """Log odds of a click [n, k] on `items` [n, k], or on every item."""
        alpha, beta, delta = torch.exp(LOG_SPEED * self.log_scales)
        table, quality = (self.vectors, self.quality) if items is None else (self.vectors[items], self.quality[items])
        read = torch.cat([observation[:, : self.readable], known], dim=1)
        query = torch.addcmul(self.query(read), alpha, observation[:, self.layout["state"]])
        bored = torch.relu(products(observation[:, self.layout["exposure"]], table))  # [n, k]
        logits: Tensor = products(query, table) - beta * bored + (delta * quality - LOG_SPEED * self.shift)
        return logits

    def _choose(self, logits: Tensor, deterministic: bool) -> Tensor:
        """The likeliest action [n]; now and then, unless `deterministic`, one of the likeliest few."""
        if deterministic:
            return logits.argmax(dim=1)
        best = logits.topk(min(self.agent.explore_best, logits.shape[1] - self.closed), dim=1).indices
        coin = torch.rand(len(best), device=best.device) < self.agent.exploration
        rank = torch.where(coin, torch.randint(best.shape[1], coin.shape, device=best.device), 0)
        return best.gather(1, rank[:, None])[:, 0]

    def fit(self, replay: Replay, new_steps: int) -> float:
        """Gradient steps on windows of all that is kept; their mean cross-entropy."""
        self.set_training_mode(True)
        return float(torch.stack([self._gradient_step(replay) for _ in range(self.gradient_steps)]).mean())

    def _gradient_step(self, replay: Replay) -> Tensor:
        windows = self._windows(replay)
        known = self.known(windows.before, windows.observation[:, :, self.answer]).flatten(0, 1)
        logits = self.logits(windows.observation.flatten(0, 1), known, windows.items.reshape(-1, 1))[:, 0]
        loss = binary_cross_entropy_with_logits(logits, windows.reward.flatten().clamp(0, 1))
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        return loss.detach()

    def _windows(self, replay: Replay) -> Windows:
        """Random windows, as long as may be; the step before each is looked up too."""
        order = latest(replay, replay.buffer_size)
        n, length = self.agent.batch_size, min(self.agent.length, len(order))
        start = torch.randint(len(order) - length + 1, (n, 1)).numpy()
        users = torch.randint(replay.n_envs, (n, 1)).numpy()
        steps = order[np.maximum(start + np.arange(-1, length), 0)]  # [n, 1 + length]
        observation, action, reward, done = (
            replay.to_torch(values[steps, users])
            for values in (replay.observations, replay.actions, replay.rewards, replay.dones)
        )
        items = self.offers.items(observation.flatten(0, 1), action.long().flatten()).view(n, -1)  # [n, 1 + length]
        begins = done[:, :-1] > 0
        begins[:, 0] |= torch.as_tensor(start[:, 0] == 0, device=begins.device)  # of what was before nothing is kept
        return Windows(items[:, :-1].masked_fill(begins, -1), observation[:, 1:], items[:, 1:], reward[:, 1:])


def _answer(layout: dict[str, slice]) -> int:
    """Where the last answer stands in an observation.

    Raises:
        ValueError: nowhere.
    """
    block = layout.get("situation", slice(0, 0))
    start, size = int(block.start), block.stop - block.start
    if size != 3:
        raise ValueError(
            f"the observation's 'situation' block has {size} values, and not 3 of which the second is the last answer; "
            "choose env/observation=pooled"
        )
    return start + 1


def _push(queue: Any, values: Any) -> Any:
    """`values` [n] put behind `queue` [n, length], whose first drops out."""
    return np.concatenate([queue[:, 1:], values[:, None]], axis=1)
