"""The Redis engine: one chat in streams and hashes, shared by several nodes. It must not know rules or wire formats."""
