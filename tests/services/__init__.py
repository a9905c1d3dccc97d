"""Real servers for the tests: how each is found or built, started, hurt and always ended.

A test takes a fixture (`fixtures.py` lists them) and gets a fresh server on free loopback ports in a folder of its own.
`python -m tests.services` (`make services`) sees to it that the programs are there. Nothing in here knows the product:
these are the counterparts it is tested against, and only the standard library starts them.
"""
