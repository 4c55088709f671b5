"""What every kind of data shares: batches, packing, splitting, arrays on disk."""
