"""The contract of a recommendation task, as checks that anybody can run on their own.

    from recloop.envs.checks import check
    check(task)

Gymnasium's checker and stable-baselines3's see about half of the faults that matter here: neither notices a session
that never ends, an item that cannot be reached, or a taste that flees from what was clicked.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from gymnasium.utils.env_checker import check_env

from recloop.envs.actions import draw_slates
from recloop.envs.catalog import Floats, Ints
from recloop.envs.recommend import RecommendEnv
from recloop.envs.simulator import Simulator
from recloop.envs.task import Outcome, Session, Task
from recloop.envs.users import Users
from recloop.envs.vector import RecommendVectorEnv, spaces_of

USERS = 16
"""So many users are followed; few, because a language model may have to read each of them at every step."""


def check(task: Task, seed: int = 0) -> None:
    """Run every check of `PROPERTIES` on a task.

    Raises:
        ValueError: naming the first property that does not hold, and what was seen.
    """
    for holds in PROPERTIES:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                holds(task, seed)
        except Exception as seen:
            raise ValueError(f"{holds.__name__.replace('_', ' ')}: not so: {seen}") from seen


def gymnasium_finds_no_fault(task: Task, seed: int) -> None:
    """Its own checker passes, warnings being errors."""
    check_env(RecommendEnv(task), skip_render_check=True)


def the_single_environment_equals_a_batch_of_one(task: Task, seed: int) -> None:
    """Bit for bit, over several sessions."""
    single, batch = RecommendEnv(task), RecommendVectorEnv(1, task)
    one, many = single.reset(seed=seed)[0], batch.reset(seed=seed)[0][0]
    for step, item in enumerate(_items(task, seed, 1)):
        _demand(np.array_equal(one, many), f"observations differ at step {step}")
        one, *alone = single.step(item[0])[:4]
        observations, *together, info = batch.step(item)
        _demand(alone == [field[0] for field in together], f"{alone} alone, {together} in a batch at step {step}")
        ended, many = alone[1] or alone[2], observations[0]
        if ended:
            _demand(np.array_equal(one, info["final_obs"][0]), f"last observations differ at step {step}")
            one = single.reset()[0]


def the_same_seed_gives_the_same_bits_and_another_seed_others(task: Task, seed: int) -> None:
    """Two environments, stepped in turn, do not disturb each other."""
    first, twin, other = (RecommendVectorEnv(USERS, task) for _ in range(3))
    seen = [[env.reset(seed=s)[0]] for env, s in ((first, seed), (twin, seed), (other, seed + 1))]
    one, two = (env.session.users.taste for env in (first, other))
    varied = len(task.simulator.population.members) > 1 or task.simulator.population.spread > 0
    _demand(not (varied and np.array_equal(one, two)), f"seeds {seed} and {seed + 1} bring the same users")
    for items in _items(task, seed, USERS):
        for env, rows in zip((first, twin, other), seen, strict=True):
            observations, rewards, *_ = env.step(items)
            rows += [observations, rewards]
    same, different = ([np.array_equal(*pair) for pair in zip(seen[0], rows, strict=True)] for rows in seen[1:])
    _demand(all(same), f"two runs with seed {seed} part after {same.count(True)} arrays")
    _demand(not all(different), f"seeds {seed} and {seed + 1} give the same")


def an_observation_is_finite_of_one_shape_and_never_written_to_again(task: Task, seed: int) -> None:
    """So that a replay buffer may keep it."""
    env = RecommendVectorEnv(USERS, task)
    kept = env.reset(seed=seed)[0]
    for step, items in enumerate(_items(task, seed, USERS)):
        before, observations = kept.copy(), env.step(items)[0]
        _demand(np.isfinite(observations).all(), f"a value that is not finite at step {step}")
        _demand(
            observations.dtype == np.float32 and observations.shape == env.observation_space.shape,
            f"{observations.dtype} {observations.shape} at step {step}",
        )
        _demand(np.array_equal(kept, before), f"step {step} overwrote the observation before it")
        kept = observations


def reading_tells_nothing_of_the_hidden_state(task: Task, seed: int) -> None:
    """What is observed hangs on who came, what was shown and how they answered; `Oracle` is excused."""
    if task.observation.sees != "observed":
        return
    rng = np.random.default_rng(seed)
    simulator, items = task.simulator, _some(task, rng, USERS)
    who = simulator.population.pick(USERS, rng)
    luck = rng.standard_normal((2, USERS, simulator.luck), dtype=np.float32)
    luck[1, :, simulator.world.dim :] = luck[0, :, simulator.world.dim :]  # of context, which is seen
    sessions = [task.arrive(simulator.arrive(who, noise)) for noise in luck]
    for moment in ("on arrival", "after a click"):
        one, two = (task.read(session) for session in sessions)
        _demand(np.array_equal(one, two), f"users alike in all but their hidden taste are told apart {moment}")
        sessions = [task.step(session, items, np.zeros(items.shape, np.float32))[0] for session in sessions]


def users_do_not_influence_each_other(task: Task, seed: int) -> None:
    """A user alone fares as in a batch."""
    for before, items, noise, after, outcome in _steps(task, seed, USERS):
        row = np.array([len(items) // 2])
        alone, own = task.step(_only(before, row), items[row], noise[row])
        pairs = _pairs((alone.users, own[1:], own.response), (after.users, outcome[1:], outcome.response))
        _demand(all(np.array_equal(one, many[row]) for one, many in pairs), "a user in a batch fares otherwise")
        gap = np.abs(task.read(alone) - task.read(after)[row]).max()  # a language model may round otherwise in a batch
        _demand(gap < 1e-4, f"the observation of a user in a batch is off by {gap:.3g}")


def the_reward_stays_within_its_bounds(task: Task, seed: int) -> None:
    """As `Reward.bounds` gives them."""
    low, high = task.reward.bounds(task.simulator.choice.slate)
    slack = 1e-5 * (1 + high - low)
    for *_, outcome in _steps(task, seed):
        least, most = float(outcome.reward.min()), float(outcome.reward.max())
        within = least >= low - slack and most <= high + slack  # False for NaN
        _demand(within, f"{least:.4g} to {most:.4g} outside {low:.4g} to {high:.4g}")


def a_session_ends_in_time_and_by_the_right_name(task: Task, seed: int) -> None:
    """Terminated where patience is spent, else truncated at `max_steps`: a learner bootstraps from truncation only."""
    longest = task.simulator.sessions.max_steps
    for step, (*_, after, outcome) in enumerate(_steps(task, seed, steps=longest), start=1):
        at = f"at step {step} of {longest}"
        spent = after.users.patience <= 1e-6  # [n]
        over = np.full_like(spent, step == longest) & ~spent  # [n]
        _demand((after.users.clock == step).all(), f"clocks say {np.unique(after.users.clock)} {at}")
        _demand(
            np.array_equal(outcome.terminated, spent), f"{outcome.terminated.sum()} left, {spent.sum()} had to {at}"
        )
        _demand(
            np.array_equal(outcome.truncated, over), f"{outcome.truncated.sum()} cut off, {over.sum()} had to be {at}"
        )


def a_click_moves_taste_towards_the_item(task: Task, seed: int) -> None:
    """Seen against the same user not clicking; and tastes stay unit vectors."""
    for before, items, *_ in _steps(task, seed):
        shown = task.simulator.world.vectors[items.reshape(len(items), -1)[:, 0]]  # [n, dim], clicked with noise 0
        liked, ignored = (_answering(task.simulator, before.users, items, noise).taste for noise in (0, 1))
        towards = np.einsum("nd,nd->n", liked - ignored, shown)  # [n]
        away = (towards <= -1e-5).mean()
        _demand(towards.min() > -1e-5, f"{away:.0%} of clicks move it away, by up to {-towards.min():.3g}")
        length = np.linalg.norm(liked, axis=1)
        _demand(np.allclose(length, 1, atol=1e-3), f"a taste has length {length[np.argmax(np.abs(length - 1))]:.4g}")


def permuting_items_permutes_results(task: Task, seed: int) -> None:
    """An item's row in the catalog means nothing."""
    order = np.random.default_rng(seed).permutation(task.simulator.world.num_items)
    place = np.argsort(order)  # new row of each item
    shuffled = replace(task.simulator, world=task.simulator.world.offering(order))
    for before, items, noise, after, outcome in _steps(task, seed):
        users, response = shuffled.step(before.users, place[items], noise)
        pairs = _pairs((users, response), (after.users, outcome.response))
        _demand(all(np.array_equal(new, old) for new, old in pairs), "users answer otherwise to a catalog reordered")


def every_item_can_be_recommended(task: Task, seed: int) -> None:
    """Action a shows item a, to the last."""
    world = task.simulator.world
    actions, slate = spaces_of(task)[1], task.simulator.choice.slate
    count = int(actions.n if slate == 1 else actions.num_items)
    _demand(count == world.num_items, f"{count} actions for {world.num_items} items")
    users = task.simulator.draw(count, np.random.default_rng(seed))
    shown = (np.arange(count)[:, None] + np.arange(slate)) % count  # [num_items, slate]
    items = shown[:, 0] if slate == 1 else shown
    response = task.simulator.respond(users, items, np.zeros(items.shape, np.float32))
    affinity = response.affinity.reshape(shown.shape)[:, 0]
    off = np.abs(np.einsum("nd,nd->n", users.taste, world.vectors) - affinity)  # [num_items]
    _demand(off.max() < 1e-4, f"action {off.argmax()} shows another item (affinity off by {off.max():.3g})")


def a_state_taken_and_put_back_replays_the_same_bits(task: Task, seed: int) -> None:
    """Whatever happened in between, and in another environment too."""
    env, copy = RecommendVectorEnv(USERS, task), RecommendVectorEnv(USERS, task)
    env.reset(seed=seed)
    first, *items = list(_items(task, seed, USERS))
    env.step(first)
    state = env.get_state()
    rows = [env.step(row)[:4] for row in items]
    copy.set_state(state)
    for step, (row, expected) in enumerate(zip(items, rows, strict=True)):
        replayed = zip(copy.step(row)[:4], expected, strict=True)
        _demand(all(np.array_equal(new, old) for new, old in replayed), f"the replay parts at step {step}")


def a_session_that_ends_is_replaced_within_the_step(task: Task, seed: int) -> None:
    """Gymnasium's same-step autoreset: what ended is in the info, what is observed has begun anew."""
    env = RecommendVectorEnv(USERS, task)
    env.reset(seed=seed)
    steps = np.zeros(USERS, np.int64)
    for items in _items(task, seed, USERS):
        luck = deepcopy(env.np_random).random(items.shape, np.float32)  # the step's noise is drawn before newcomers are
        before_leaving = task.read(task.step(env.session, items, luck)[0])
        observations, _, terminated, truncated, info = env.step(items)
        ended, steps = terminated | truncated, steps + 1
        _demand(bool(info) == ended.any(), f"{ended.sum()} sessions end and the info has {list(info)}")
        if not info:
            continue
        last = info["final_obs"]
        given = np.array([observation is not None for observation in last])
        _demand(np.array_equal(info["_final_obs"], ended), "final_obs marks other rows than those that ended")
        _demand(np.array_equal(given, ended), "final_obs holds observations of other rows than those that ended")
        kept = np.stack(last[ended])  # [ended, size]
        _demand(np.allclose(kept, before_leaving[ended], atol=1e-4), "final_obs is not the last observation")
        _demand(np.array_equal(info["session"]["steps"][ended], steps[ended]), "a session counts its steps wrongly")
        fresh = task.read(task.arrive(env.session.users))
        _demand(
            np.allclose(observations[ended], fresh[ended], atol=1e-4), "a new session does not begin with an arrival"
        )
        steps[ended] = 0
        _demand(np.array_equal(env.session.users.clock, steps), "clocks of sessions that go on, or begin, are wrong")


PROPERTIES: tuple[Callable[[Task, int], None], ...] = (
    gymnasium_finds_no_fault,
    an_observation_is_finite_of_one_shape_and_never_written_to_again,
    the_reward_stays_within_its_bounds,
    the_single_environment_equals_a_batch_of_one,
    the_same_seed_gives_the_same_bits_and_another_seed_others,
    reading_tells_nothing_of_the_hidden_state,
    users_do_not_influence_each_other,
    a_session_ends_in_time_and_by_the_right_name,
    a_click_moves_taste_towards_the_item,
    permuting_items_permutes_results,
    every_item_can_be_recommended,
    a_state_taken_and_put_back_replays_the_same_bits,
    a_session_that_ends_is_replaced_within_the_step,
)
"""In the order in which `check` tries them."""


def _pairs(left: Sequence[tuple[Any, ...]], right: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, Any]]:
    return zip(chain(*left), chain(*right), strict=True)


def _demand(holds: Any, seen: str) -> None:
    if not holds:
        raise ValueError(seen)


def _items(task: Task, seed: int, n: int) -> Iterator[Ints]:
    """Random recommendations, [n] a step, for at least two sessions of any length."""
    rng = np.random.default_rng(seed)
    for _ in range(2 * task.simulator.sessions.max_steps + 1):
        yield _some(task, rng, n)


def _some(task: Task, rng: np.random.Generator, n: int) -> Ints:
    num_items, slate = task.simulator.world.num_items, task.simulator.choice.slate
    return rng.integers(num_items, size=n) if slate == 1 else draw_slates(rng, n, num_items, slate, task.slots)


class _Seen(NamedTuple):
    """One step of a batch, below the environments."""

    before: Session
    items: Ints  # [n], or [n, slate]
    noise: Floats  # alike
    after: Session
    outcome: Outcome


def _steps(task: Task, seed: int, n: int = 256, steps: int = 10) -> Iterator[_Seen]:
    """The first steps of `n` users with random recommendations; every second user clicks whatever comes."""
    rng = np.random.default_rng(seed)
    session = task.arrive(task.simulator.draw(n, rng))
    for _ in range(steps):
        items = _some(task, rng, n)
        noise = rng.random(items.shape, np.float32)
        noise[::2] = 0
        before, (session, outcome) = session, task.step(session, items, noise)
        yield _Seen(before, items, noise, session, outcome)


def _only(session: Session, rows: Ints) -> Session:
    batches: tuple[Any, ...] = session
    return Session(*(type(batch)(*(field[rows] for field in batch)) for batch in batches))


def _answering(simulator: Simulator, users: Users, items: Ints, noise: float) -> Users:
    """The users after they were shown `items`; with noise 0 all click, of a slate the first, with noise 1 nobody."""
    luck = np.ones(items.shape, np.float32)
    luck.reshape(len(items), -1)[:, 0] = noise
    return simulator.step(users, items, luck)[0]
