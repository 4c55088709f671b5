"""Writing and scoring: samples from a model, their stream, and what a model makes of a given text."""
