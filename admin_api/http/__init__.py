"""HTTP itself: listening, TLS, serving, access, problems and OpenAPI. It knows nothing of the chat's rules."""
