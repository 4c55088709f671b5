"""What may happen to a working directory: each kind an endless trial, which tells after every attempt how it went."""
