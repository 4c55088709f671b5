"""The working directory: checkpoints, locks, atomic writes, history. Knows numpy and JSON, nothing of models."""
