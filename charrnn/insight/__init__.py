"""Looking inside: what the neurons do along a text."""
