"""Write HTML pages from a session: the report and the shared page."""
