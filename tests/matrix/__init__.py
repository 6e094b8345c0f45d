"""Every version that we say works, tried: the libraries' bounds, the Pythons, and servers from Redis 6.2 to Valkey 9.

`make matrix`, or `python -m tests.matrix --help`.
"""
