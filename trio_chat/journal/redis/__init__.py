"""The Redis engine: entries in streams, numbered and appended by one script. It must not know who else follows them."""
