"""Words of `recloop train` as a file of configs/experiment."""

from recloop.experiments.sweep_best import experiment


def test_options_become_defaults_and_keys_a_tree() -> None:
    words = ["agent=dqn", "encoder@env.world.encoder=hashing", "agent.gamma=0.9", "agent.hidden=[8,8]", "steps=5"]
    assert experiment(words) == {
        "defaults": [{"override /agent": "dqn"}, {"override /encoder@env.world.encoder": "hashing"}],
        "agent": {"gamma": 0.9, "hidden": [8, 8]},
        "steps": 5,
    }


def test_the_last_word_on_a_key_counts() -> None:
    assert experiment(["agent=ppo", "steps=5", "agent=dqn", "steps=6"]) == {
        "defaults": [{"override /agent": "dqn"}],
        "steps": 6,
    }
