"""Files of every kind as released versions wrote them, which all later versions read; see docs/versions.md.

python -m tests.kept      # write those of this version into tests/kept/VERSION, once, when it is released
"""
