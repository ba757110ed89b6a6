"""The mathematics font that pages carry: a subset of STIX Math under the SIL Open Font License (OFL.txt).

Made by `python -m chainrule.derivation.font.subset STIXMath-Regular.otf`, which needs fontTools and brotli.
"""

import base64
import functools
from pathlib import Path

FAMILY = "Chainrule Math"
"""STIX is a name that the licence reserves for the whole font."""

FILE = Path(__file__).with_name("chainrule-math.woff2")


@functools.cache
def face() -> str:
    """The font as a rule of CSS that needs no other file."""
    data = base64.b64encode(FILE.read_bytes()).decode()
    return f'@font-face {{ font-family: "{FAMILY}"; src: url(data:font/woff2;base64,{data}) format("woff2"); }}'
