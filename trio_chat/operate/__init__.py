"""The commands for operators: `trio-chat clients`, `kick`, `tail` and so on, by the admin API over HTTP.

It must not know the server's code: what it knows of a server is what the API says.
"""
