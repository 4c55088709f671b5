"""Texts and music that charrnn brings along or downloads by name."""
