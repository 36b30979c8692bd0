"""The endpoints of the admin API: each is one function, its parameters and answers declared above it.

The app serves every Endpoint in every module here. An endpoint must not know the app, its guard or another endpoint.
"""
