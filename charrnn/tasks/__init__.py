"""Where text, documents and music differ."""
