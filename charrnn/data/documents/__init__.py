"""Documents and their labels: read, encoded, and served as streams."""
