"""Training: one step after the other through a text, learning-rate policies, progress, interruption, validation."""
