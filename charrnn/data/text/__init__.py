"""A continuous text: read, cleaned, encoded, and served as streams."""
