"""Run a command, say nothing of what it says, and print its memory at the peak, in bytes. Standard library only."""

import os
import resource
import subprocess
import sys

done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit, end="")
sys.stdout.flush()
os._exit(done.returncode)
