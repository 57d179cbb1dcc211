"""Recommendation as a closed loop. Importing this package registers `recloop/Recommend-v0` with Gymnasium."""

import gymnasium

gymnasium.register(
    id="recloop/Recommend-v0",
    entry_point="recloop.envs.recommend:RecommendEnv",
    vector_entry_point="recloop.envs.vector:RecommendVectorEnv",
)
