"""The same work for chainrule and each peer that is installed, in turn, in one run: `python -m benchmarks`."""
