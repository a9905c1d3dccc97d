"""The pure heart: decisions and laws, as plain synchronous functions over plain values.

No await, clock, dice, socket, thread, file or log lives here. ``now`` and seeds are arguments, so every line can be
tested with a table or a property and gives the same answer on every machine.
"""
