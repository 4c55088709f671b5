"""Settings of a model: hyperparameters, presets, recipes."""
