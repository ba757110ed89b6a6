"""Accidents and attacks: kills, faults and made-up files, for as long as asked; `python -m tests.torture`."""
