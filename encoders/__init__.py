"""Text to vectors: language models, controls, projection, prompts and the cache on disk."""
