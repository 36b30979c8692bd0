"""Transport: accepting connections, admission, the first bytes, and peers and outlets over TCP and TLS.

Nothing here knows the rules of the chat or the meaning of the bytes.
"""
