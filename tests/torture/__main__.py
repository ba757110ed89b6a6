"""`python -m tests.torture`."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # of a library that is loaded before workers are forked

from .command import main

if __name__ == "__main__":
    main()
