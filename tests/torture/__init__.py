"""Attacks on what must never break: files, runs that are killed, and whatever somebody else has written.

`python -m tests.torture --minutes 30` runs them all; `docs/safety.md` tells what they show.
"""
