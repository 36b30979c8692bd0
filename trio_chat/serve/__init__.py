"""The server process: chat and admin API in one nursery. Only this package knows that they share a process."""
