"""Hyperparameters, presets and recipes."""
