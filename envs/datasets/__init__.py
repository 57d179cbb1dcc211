"""Real data, one file a source."""
