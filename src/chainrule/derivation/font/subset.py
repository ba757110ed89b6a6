"""Cuts the font of the pages out of a whole mathematics font with a MATH table: python -m … SOURCE.otf."""

import sys

from chainrule.derivation.font import FAMILY, FILE

TEXT = (
    "".join(map(chr, range(0x20, 0x7F)))
    + "".join(map(chr, [*range(0x391, 0x3A2), *range(0x3A3, 0x3AA), *range(0x3B1, 0x3CA), 0x3D1, 0x3D5, 0x3F1, 0x3F5]))
    + "".join(map(chr, [*range(0x1D434, 0x1D455), *range(0x1D456, 0x1D468), 0x210E, *range(0x1D6E2, 0x1D71C)]))
    + "−±×·÷⊙⊗∑∏√∞≤≥≠≈¬…⋯⋮⋱∂∇∈‖∥|′≔→\u0302ˆ¯\u2061\u2062\u00a0"
)
"""What formulas are made of: ASCII, Greek, both in italics, operators, and the hat."""

COPIED = (0, 13, 14)
"""The numbers of the names to be kept: the copyright and the licence."""


def main(source: str) -> None:
    from fontTools import subset  # type: ignore[import-untyped]

    options = subset.Options()
    options.flavor = "woff2"
    options.hinting, options.desubroutinize = False, True
    options.layout_features = ["ssty", "dtls", "flac"]
    options.name_IDs = list(COPIED)
    options.drop_tables += ["FFTM", "GlyphOrder", "GPOS", "GDEF"]
    font = subset.load_font(source, options)
    cutter = subset.Subsetter(options)
    cutter.populate(text=TEXT)
    cutter.subset(font)
    for number, name in {1: FAMILY, 2: "Regular", 4: FAMILY, 6: FAMILY.replace(" ", "")}.items():
        font["name"].setName(name, number, 3, 1, 0x409)
    font["CFF "].cff.fontNames = [FAMILY.replace(" ", "")]
    subset.save_font(font, FILE, options)
    print(f"{FILE}: {FILE.stat().st_size:,} bytes, {len(font.getGlyphOrder())} glyphs")


if __name__ == "__main__":
    main(sys.argv[1])
