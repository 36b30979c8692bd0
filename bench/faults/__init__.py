"""Long fault-injection tests: thousands of clients, a thousand kills, minutes of load.

They must not know the inside of the server, only its journal as a database; reconnecting clients are our own client.
All traffic stays on this machine, and everything ends by itself.
"""
