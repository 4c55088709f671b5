"""Generation, scoring and classification of texts and pieces."""
