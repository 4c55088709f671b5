"""Piano music: read, encoded, and served as streams."""
