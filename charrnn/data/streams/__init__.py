"""Parts that all kinds of data share: batches, packing, splitting, arrays on disk."""
