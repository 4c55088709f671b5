"""From a file to batches: reading text, the character set, encoded symbols on disk, and streams of batches."""
