"""Recommendation as a closed loop. Importing this package registers `recloop/Recommend-v0` with Gymnasium, and
`recloop/RecommendSlate-v0`, with slates of five items.

Whatever changes what happens in one of them makes it another environment: register it with a new version number, and
`python tests/golden/make.py` stores a trajectory of it.
"""

import gymnasium

for _name, _settings in (("Recommend-v0", {}), ("RecommendSlate-v0", {"slate": 5})):
    gymnasium.register(
        id=f"recloop/{_name}",
        entry_point="recloop.envs.recommend:RecommendEnv",
        vector_entry_point="recloop.envs.vector:RecommendVectorEnv",
        kwargs=_settings,
    )
