"""HTTP itself: listening, TLS, serving, access, endpoints as such, problems and OpenAPI.

It must not know the rules of the chat, nor the state that endpoints show.
"""
