"""The endpoints of the admin API: one function each, its parameters and answers declared above it."""
