"""The SQLite engine: one file, one writing thread, readers beside it. Nothing here knows rules or wires."""
