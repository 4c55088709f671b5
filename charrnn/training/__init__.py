"""Training: the loop, learning-rate policies, progress, interruption, validation."""
