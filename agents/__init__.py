"""Agents that learn, and the baselines that they must beat. They know spaces and arrays, nothing of environments."""
