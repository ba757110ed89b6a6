"""The same training for chainrule and each peer that is installed, in turn, in one run: `python -m benchmarks`."""
