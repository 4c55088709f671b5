"""HTML pages written from a session."""
