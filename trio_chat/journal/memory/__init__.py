"""The memory engine: the journal without a file, for tests and for trying things out."""
