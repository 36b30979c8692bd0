"""The rules for operators: bans, networks, and the actions that go into the audit log."""
