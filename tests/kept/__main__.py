"""Write the files of this version."""

from pathlib import Path

from tests.kept.files import write

import chainrule as cr

write(Path(__file__).parent / cr.__version__)
