"""The SQLite engine: one file, one thread that writes, others that read. It must not know rules or wire formats."""
