"""The contract of a recommendation task, as checks that anybody can run on their own.

    from recloop.envs.checks import check
    check(task)

Gymnasium's checker and stable-baselines3's see 7 of the 54 faults that the tests plant: neither notices a session that
never ends, an item that cannot be reached, or a taste that flees from what was clicked.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

from recloop.envs.catalog import Bools, Floats, Ints
from recloop.envs.laws import LAWS
from recloop.envs.recommend import RecommendEnv
from recloop.envs.simulator import Simulator
from recloop.envs.task import Task
from recloop.envs.trials import demand, first_steps, recommendations, said, some
from recloop.envs.vector import RecommendVectorEnv, spaces_of

USERS = 16
"""So many users are followed; few, because a language model may have to read each of them at every step."""


class Finding(NamedTuple):
    """How one property fared."""

    words: str
    error: Exception | None  # None where it holds


def findings(task: Task, seed: int = 0) -> Iterator[Finding]:
    """Try every one of `PROPERTIES` on a task, warnings being errors."""
    for holds in PROPERTIES:
        words, error = holds.__name__.replace("_", " "), None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                holds(task, seed)
        except Exception as seen:
            error = seen
        yield Finding(words, error)


def check(task: Task, seed: int = 0) -> None:
    """Try the properties until one does not hold.

    Raises:
        ValueError: naming it, and what was seen.
    """
    for words, error in findings(task, seed):
        if error is not None:
            raise ValueError(f"{words}: not so: {error}") from error


def gymnasium_finds_no_fault(task: Task, seed: int) -> None:
    """Its own checker passes, warnings being errors."""
    check_env(RecommendEnv(task), skip_render_check=True)


def the_single_environment_equals_a_batch_of_one(task: Task, seed: int) -> None:
    """Bit for bit, over several sessions."""
    single, batch = RecommendEnv(task), RecommendVectorEnv(1, task)
    one, many = single.reset(seed=seed)[0], batch.reset(seed=seed)[0][0]
    for step, item in enumerate(recommendations(task, seed, 1)):
        demand(np.array_equal(one, many), f"observations differ at step {step}")
        one, *alone = single.step(item[0])[:4]
        observations, *together, info = batch.step(item)
        demand(alone == [field[0] for field in together], f"{alone} alone, {together} in a batch at step {step}")
        ended, many = alone[1] or alone[2], observations[0]
        if ended:
            demand(np.array_equal(one, info["final_obs"][0]), f"last observations differ at step {step}")
            one = single.reset()[0]


def the_same_seed_gives_the_same_bits_and_another_seed_others(task: Task, seed: int) -> None:
    """Two environments, stepped in turn, do not disturb each other."""
    first, twin, other = (RecommendVectorEnv(USERS, task) for _ in range(3))
    seen = [[env.reset(seed=s)[0]] for env, s in ((first, seed), (twin, seed), (other, seed + 1))]
    one, two = (env.session.users.taste for env in (first, other))
    varied = len(task.simulator.population.members) > 1 or task.simulator.population.spread > 0
    demand(not (varied and np.array_equal(one, two)), f"seeds {seed} and {seed + 1} bring the same users")
    for items in recommendations(task, seed, USERS):
        for env, rows in zip((first, twin, other), seen, strict=True):
            observations, rewards, *_ = env.step(items)
            rows += [observations, rewards]
    same, different = ([np.array_equal(*pair) for pair in zip(seen[0], rows, strict=True)] for rows in seen[1:])
    demand(all(same), f"two runs with seed {seed} part after {same.count(True)} arrays")
    demand(not all(different), f"seeds {seed} and {seed + 1} give the same")


def an_observation_is_finite_of_one_shape_and_never_written_to_again(task: Task, seed: int) -> None:
    """So that a replay buffer may keep it."""
    env = RecommendVectorEnv(USERS, task)
    kept = env.reset(seed=seed)[0]
    for step, items in enumerate(recommendations(task, seed, USERS)):
        before, observations = kept.copy(), env.step(items)[0]
        demand(np.isfinite(observations).all(), f"a value that is not finite at step {step}")
        demand(
            observations.dtype == np.float32 and observations.shape == env.observation_space.shape,
            f"{observations.dtype} {observations.shape} at step {step}",
        )
        demand(np.array_equal(kept, before), f"step {step} overwrote the observation before it")
        kept = observations


def reading_tells_nothing_of_the_hidden_state(task: Task, seed: int) -> None:
    """What is observed hangs on who came, what was shown and how they answered, and context; `Oracle` is excused.

    So is what users write of themselves: here they keep silent.
    """
    if task.observation.sees != "observed":
        return
    task = replace(task, feedback=None)
    rng = np.random.default_rng(seed)
    who = task.simulator.population.pick(USERS, rng)
    luck = rng.standard_normal((2, USERS, task.simulator.luck), dtype=np.float32)
    seen = _luck_of_context(task.simulator)
    luck[1, :, seen] = luck[0, :, seen]
    sessions = [task.arrive(task.simulator.arrive(who, noise)) for noise in luck]
    for step in range(task.simulator.sessions.max_steps):
        one, two = (task.read(session) for session in sessions)
        demand(
            np.array_equal(one, two), f"users alike in all but their hidden taste are told apart after {step} clicks"
        )
        items = some(task, rng, USERS)
        sessions = [task.step(session, items, np.zeros(items.shape, np.float32))[0] for session in sessions]


def _luck_of_context(simulator: Simulator) -> Ints:
    """Columns of the luck at arrival that the parts which the platform sees are made of."""
    ends = np.cumsum([simulator.world.dim, *(part.luck(simulator.world) for part in simulator.dynamics)])
    spans = zip(simulator.dynamics, ends[:-1], ends[1:], strict=True)
    return np.concatenate([np.arange(0), *(np.arange(start, end) for part, start, end in spans if part.visible)])


def who_writes_nothing_is_observed_as_if_nobody_read(task: Task, seed: int) -> None:
    """And whoever writes answers alike, read or not: what is read changes what is observed, and nothing else."""
    if task.feedback is None:
        return
    writer, deaf = task.feedback.writer, replace(task, feedback=None)
    for step, (before, items, noise, after, outcome) in enumerate(first_steps(task, seed)):
        silent = writer.write(before.users, items, outcome.response, task.simulator.world.quality, noise) < 0
        other, own = deaf.step(before, items, noise)
        pairs = _pairs((after.users, outcome.response), (other.users, own.response))
        demand(all(np.array_equal(*pair) for pair in pairs), f"what is read changes how people answer at step {step}")
        seen, unread = task.read(after), deaf.read(other)
        demand(np.array_equal(seen[silent], unread[silent]), f"silence is heard at step {step}")
        rest = np.delete(seen != unread, task.layout["state"], axis=1)
        demand(not rest.any(), f"what is read changes more than the state at step {step}")


def the_context_that_is_seen_is_that_of_the_user(task: Task, seed: int) -> None:
    """The `context` block is the columns that the dynamics show, at every step, and none of those that they hide."""
    block = task.observation.layout.get("context")
    if block is None or task.observation.sees != "observed":
        return
    visible = task.simulator.visible
    for step, seen in enumerate(first_steps(task, seed, USERS)):
        for session in (seen.before, seen.after):
            context = task.read(session)[:, block]
            same = np.array_equal(context, session.users.own[:, visible])
            demand(same, f"the context of step {step} is not columns {visible.tolist()} of what the dynamics remember")


def users_do_not_influence_each_other(task: Task, seed: int) -> None:
    """A user alone fares as in a batch."""
    for before, items, noise, after, outcome in first_steps(task, seed, USERS):
        row = np.array([len(items) // 2])
        alone, own = task.step(before.rows(row), items[row], noise[row])
        pairs = _pairs((alone.users, own[1:], own.response), (after.users, outcome[1:], outcome.response))
        demand(all(np.array_equal(one, many[row]) for one, many in pairs), "a user in a batch fares otherwise")
        gap = np.abs(task.read(alone) - task.read(after)[row]).max()  # a language model may round otherwise in a batch
        demand(gap < 1e-4, f"the observation of a user in a batch is off by {gap:.3g}")


def the_reward_stays_within_its_bounds(task: Task, seed: int) -> None:
    """As `Reward.bounds` gives them."""
    low, high = task.reward.bounds(task.simulator.choice.slate)
    slack = 1e-5 * (1 + high - low)
    for *_, outcome in first_steps(task, seed):
        least, most = float(outcome.reward.min()), float(outcome.reward.max())
        within = least >= low - slack and most <= high + slack  # False for NaN
        demand(within, f"{least:.4g} to {most:.4g} outside {low:.4g} to {high:.4g}")


def a_session_ends_in_time_and_by_the_right_name(task: Task, seed: int) -> None:
    """Terminated where patience is spent, else truncated at `max_steps`: a learner bootstraps from truncation only."""
    longest = task.simulator.sessions.max_steps
    for step, (*_, after, outcome) in enumerate(first_steps(task, seed, steps=longest), start=1):
        at = f"at step {step} of {longest}"
        spent = after.users.patience <= 1e-6  # [n]
        over = np.full_like(spent, step == longest) & ~spent  # [n]
        demand((after.users.clock == step).all(), f"clocks say {np.unique(after.users.clock)} {at}")
        demand(np.array_equal(outcome.terminated, spent), f"{outcome.terminated.sum()} left, {spent.sum()} had to {at}")
        demand(
            np.array_equal(outcome.truncated, over), f"{outcome.truncated.sum()} cut off, {over.sum()} had to be {at}"
        )


def a_click_moves_taste_towards_the_item(task: Task, seed: int) -> None:
    """Seen against the same user not clicking; of a slate, towards the sum of what is clicked."""
    simulator = task.simulator
    for before, items, *_ in first_steps(task, seed):
        liked, ignored = (simulator.step(before.users, items, luck) for luck in _all_or_nothing(items))
        slates = items.reshape(len(items), -1)  # [n, slate]
        clicks = (liked[1].click - ignored[1].click).reshape(slates.shape)
        clicked = np.einsum("nsd,ns->nd", simulator.world.vectors[slates], clicks)
        towards = np.einsum("nd,nd->n", liked[0].taste - ignored[0].taste, clicked)  # [n]
        away = (towards <= -1e-5).mean()
        demand(towards.min() > -1e-5, f"{away:.0%} of clicks move it away, by up to {-towards.min():.3g}")


def permuting_items_permutes_results(task: Task, seed: int) -> None:
    """An item's row in the catalog means nothing. (What dynamics remember may name rows; what comes of it may not.)"""
    order = np.random.default_rng(seed).permutation(task.simulator.world.num_items)
    place = np.argsort(order)  # new row of each item
    shuffled = replace(task.simulator, world=task.simulator.world.offering(order))
    own = None
    for before, items, noise, after, outcome in first_steps(task, seed):
        own = before.users.own if own is None else own  # at arrival nothing has been shown
        users, response = shuffled.step(before.users._replace(own=own), place[items], noise)
        own = users.own
        pairs = _pairs((users._replace(own=after.users.own), response), (after.users, outcome.response))
        demand(all(np.array_equal(new, old) for new, old in pairs), "users answer otherwise to a catalog reordered")


def every_item_can_be_recommended(task: Task, seed: int) -> None:
    """Item a is shown when item a is said, to the last, at every position of a slate where it may stand."""
    world, slate = task.simulator.world, task.simulator.choice.slate
    actions = spaces_of(task.recommending_items())[1]
    count = int(actions.n if slate == 1 else actions.num_items)
    demand(count == world.num_items, f"{count} actions for {world.num_items} items")
    users = task.simulator.draw(count, np.random.default_rng(seed))
    shown = (np.arange(count)[:, None] + np.arange(slate)) % count  # [num_items, slate], each item at each place once
    items = shown[:, 0] if slate == 1 else shown
    luck = np.zeros(items.shape, np.float32)
    for response in (task.simulator.respond(users, items, luck), task.simulator.step(users, items, luck)[1]):
        felt = response.affinity.reshape(shown.shape)
        off = np.abs(np.einsum("nd,nsd->ns", users.taste, world.vectors[shown]) - felt).max(axis=1)  # [num_items]
        demand(off.max() < 1e-4, f"action {off.argmax()} shows another item (affinity off by {off.max():.3g})")


def what_is_said_is_understood(task: Task, seed: int) -> None:
    """Alone as in a batch: as different items that there are, and none shown before where repeats are false."""
    rng, row, shown = np.random.default_rng(seed), np.array([USERS // 2]), np.empty((USERS, 0), np.int64)
    session, num_items = task.arrive(task.simulator.draw(USERS, rng)), task.simulator.world.num_items
    for step in range(task.simulator.sessions.max_steps):
        observed, words = task.read(session), said(task, rng, USERS)
        items = task.actions.items(words, observed)
        alone = task.actions.items(words[row], observed[row])
        demand(np.array_equal(alone, items[row]), f"{alone} alone, {items[row]} in a batch at step {step}")
        candidates = observed[:, task.layout.get("candidates", slice(0, 0))].astype(np.int64)
        for offered in (items.reshape(USERS, -1), candidates):
            known = offered if task.actions.repeats else np.concatenate([shown, offered], axis=1)
            ordered = np.sort(known, axis=1)
            demand((ordered[:, 1:] > ordered[:, :-1]).all(), f"an item twice at step {step}")
            demand(((offered >= 0) & (offered < num_items)).all(), f"an item that there is not at step {step}")
        shown = np.concatenate([shown, items.reshape(USERS, -1)], axis=1)
        session = task.step(session, items, rng.random(items.shape, np.float32))[0]


def a_recommendation_that_cannot_be_is_refused(task: Task, seed: int) -> None:
    """An item that does not exist, stands in a slate twice, or where it may not; a NaN; by both environments."""
    fit = next(recommendations(task, seed, 1))[0]  # what one agent says
    for words, action in _wrong(task, fit).items():
        single, batch = RecommendEnv(task), RecommendVectorEnv(1, task)
        for env, given in ((single, action), (batch, np.asarray(action)[None])):
            env.reset(seed=seed)
            try:
                env.step(given)
            except ValueError:
                continue
            raise ValueError(f"{type(env).__name__} recommends {words}")


def _wrong(task: Task, fit: np.ndarray) -> dict[str, Any]:
    """Actions that cannot be, made of one that can."""
    space = task.actions.space
    if isinstance(space, spaces.Box):
        return {"what is nearest to NaN": fit * np.float32(np.nan), "what is nearest to half a vector": fit[::2]}
    count = int(space.n if isinstance(space, spaces.Discrete) else space.num_items)  # type: ignore[attr-defined]
    wrong: dict[str, Any] = {"item -1": fit * 0 - 1, f"item {count}": fit * 0 + count}
    if fit.ndim:
        wrong["an item twice in a slate"] = np.full_like(fit, fit[0])
    return wrong if task.slots is None else wrong | _misplaced(task.slots, fit)


def _misplaced(slots: Bools, fit: Ints) -> dict[str, Ints]:
    """The slate that fits, [slate], with an item where it may not stand; nothing if all items fit everywhere."""
    for position, item in np.argwhere(~slots).tolist():
        if item not in fit:
            wrong = fit.copy()
            wrong[position] = item
            return {f"item {item} at position {position}, where it may not stand": wrong}
    return {}


def luck_is_drawn_anew_for_every_user_step_and_position(task: Task, seed: int) -> None:
    """The noise of the answers is uniform in [0, 1), and no two are the same but by chance."""
    listening = _Listening(task.simulator.choice)
    env = RecommendVectorEnv(USERS, replace(task, simulator=replace(task.simulator, choice=listening)))
    env.reset(seed=seed)
    for items in recommendations(task, seed, USERS):
        env.step(items)
    heard = np.stack([noise.reshape(-1) for noise in listening.heard])  # [steps, USERS * slate]
    demand(heard.min() >= 0 and heard.max() < 1, f"noise from {heard.min():.3g} to {heard.max():.3g}")
    for words, rows in (("steps", heard), ("users or positions", heard.T)):
        demand(len(np.unique(rows, axis=0)) == len(rows), f"{words} share their luck")
    demand(abs(heard.mean() - 0.5) * np.sqrt(12 * heard.size) < 6, f"the noise has the mean {heard.mean():.3f}")


class _Listening:
    """A choice that keeps the noise it is given."""

    def __init__(self, choice: Any) -> None:
        self.choice, self.heard = choice, list[Floats]()
        self.slate, self.scale, self.offset, self.attention = (
            choice.slate,
            choice.scale,
            choice.offset,
            choice.attention,
        )

    def answer(self, affinity: Floats, cost: Floats, quality: Floats, noise: Floats) -> tuple[Floats, Floats]:
        self.heard.append(noise)
        answer: tuple[Floats, Floats] = self.choice.answer(affinity, cost, quality, noise)
        return answer


def a_state_taken_and_put_back_replays_the_same_bits(task: Task, seed: int) -> None:
    """Whatever happened in between, and in another environment too; all of the state, seen or not."""
    env, copy = RecommendVectorEnv(USERS, task), RecommendVectorEnv(USERS, task)
    env.reset(seed=seed)
    first, *items = list(recommendations(task, seed, USERS))
    env.step(first)
    state = env.get_state()
    rows = [_everything(env, row) for row in items]
    copy.set_state(state)
    for step, (row, expected) in enumerate(zip(items, rows, strict=True)):
        replayed = zip(_everything(copy, row), expected, strict=True)
        demand(all(np.array_equal(new, old) for new, old in replayed), f"the replay parts at step {step}")


def _everything(env: RecommendVectorEnv, items: Ints) -> list[np.ndarray]:
    """What a step returns but for the info, and the hidden state that it leaves, copied: some is written to again."""
    return [*env.step(items)[:4], *(field.copy() for field in env.session.users)]


def a_session_that_ends_is_replaced_within_the_step(task: Task, seed: int) -> None:
    """Gymnasium's same-step autoreset: what ended is in the info, what is observed has begun anew."""
    env = RecommendVectorEnv(USERS, task)
    env.reset(seed=seed)
    steps = np.zeros(USERS, np.int64)
    for actions in recommendations(task, seed, USERS):
        items = task.actions.items(actions, task.read(env.session))
        luck = deepcopy(env.np_random).random(items.shape, np.float32)  # the step's noise is drawn before newcomers are
        before_leaving = task.read(task.step(env.session, items, luck)[0])
        observations, _, terminated, truncated, info = env.step(actions)
        ended, steps = terminated | truncated, steps + 1
        demand(bool(info) == ended.any(), f"{ended.sum()} sessions end and the info has {list(info)}")
        if not info:
            continue
        last = info["final_obs"]
        given = np.array([observation is not None for observation in last])
        demand(np.array_equal(info["_final_obs"], ended), "final_obs marks other rows than those that ended")
        demand(np.array_equal(given, ended), "final_obs holds observations of other rows than those that ended")
        kept = np.stack(last[ended])  # [ended, size]
        demand(np.allclose(kept, before_leaving[ended], atol=1e-4), "final_obs is not the last observation")
        demand(np.array_equal(info["session"]["steps"][ended], steps[ended]), "a session counts its steps wrongly")
        fresh = task.read(task.arrive(env.session.users))
        demand(
            np.allclose(observations[ended], fresh[ended], atol=1e-4), "a new session does not begin with an arrival"
        )
        steps[ended] = 0
        demand(np.array_equal(env.session.users.clock, steps), "clocks of sessions that go on, or begin, are wrong")


PROPERTIES: tuple[Callable[[Task, int], None], ...] = (
    gymnasium_finds_no_fault,
    an_observation_is_finite_of_one_shape_and_never_written_to_again,
    the_reward_stays_within_its_bounds,
    the_single_environment_equals_a_batch_of_one,
    the_same_seed_gives_the_same_bits_and_another_seed_others,
    reading_tells_nothing_of_the_hidden_state,
    who_writes_nothing_is_observed_as_if_nobody_read,
    the_context_that_is_seen_is_that_of_the_user,
    users_do_not_influence_each_other,
    a_session_ends_in_time_and_by_the_right_name,
    a_click_moves_taste_towards_the_item,
    permuting_items_permutes_results,
    every_item_can_be_recommended,
    what_is_said_is_understood,
    a_recommendation_that_cannot_be_is_refused,
    luck_is_drawn_anew_for_every_user_step_and_position,
    a_state_taken_and_put_back_replays_the_same_bits,
    a_session_that_ends_is_replaced_within_the_step,
    *LAWS,
)
"""In the order in which `check` tries them."""


def _pairs(left: Sequence[tuple[Any, ...]], right: Sequence[tuple[Any, ...]]) -> Iterator[tuple[Any, Any]]:
    return zip(chain(*left), chain(*right), strict=True)


def _all_or_nothing(items: Ints) -> tuple[Floats, Floats]:
    """Noise with which everybody clicks, the first of a slate at least, and with which nobody does."""
    nobody = np.ones(items.shape, np.float32)
    everybody = nobody.copy()
    everybody.reshape(len(items), -1)[:, 0] = 0
    return everybody, nobody
