"""The forms of a page: LaTeX that compiles, HTML that needs nothing else, text; and files of them."""

import functools
import io
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest
from pylatexenc.latexencode import unicode_to_latex
from pylatexenc.latexwalker import LatexWalker
from rich.console import Console

import chainrule as cr
from chainrule.derivation.latex_letters import UNKNOWN, in_ascii
from derivation.networks import three_four_one, twelve_layers

SPECIAL = r"50%_ä中{}\&#$^~"


class DerivedÄ(cr.Layer):
    """A layer with letters and signs that LaTeX and HTML take for something else."""

    def __init__(self, title, called):
        self.title = title
        self.called = called

    def forward(self, A):
        return A * self.parameter(self.called, (A.shape[-1],), "ones")


def of_twelve_layers():
    return cr.derive(twelve_layers(), np.random.default_rng(0).normal(size=(3, 4)), [0, 2, 1])


def of_special_letters():
    own = [DerivedÄ(SPECIAL, called) for called in ("größe", "a_b_c", "50%", "a&b", "中", "ß")]
    return cr.derive(cr.Network([*own, cr.Dense(1)], seed=0, input_shape=3), np.full((2, 3), 1e-9), [0, 1])


def of_own_cost():
    net = cr.Network([cr.Embedding(5, 3), cr.Flatten(), cr.Dense(2, "elu")], seed=0, input_shape=2)
    return cr.derive(net, loss=lambda A, Y: cr.ops.maximum(cr.ops.abs(A - Y), 0.1).sum() / cr.ops.sqrt(2.0))


def without_parameters():
    return cr.derive(cr.Network([cr.Activation("relu")], seed=0, input_shape=3))


def of_pictures():
    layers = [cr.Conv2D(2, 2), cr.BatchNorm(), cr.LayerNorm(), cr.Flatten(), cr.Dense(2, "softmax")]
    return cr.derive(cr.Network(layers, seed=0, input_shape=(4, 4, 1)))


def of_the_long_way():
    net = cr.Network([cr.Dense(3, "softmax")], seed=0, input_shape=2)
    return cr.derive(net, np.random.default_rng(0).normal(size=(3, 2)), [0, 2, 1], shortcut=False)


def of_masked_sequences():
    layers = [cr.Masking(), cr.Embedding(9, 4), cr.BatchNorm(), cr.LSTM(2, bidirectional=True), cr.GlobalAveragePool()]
    return cr.derive(cr.Network([*layers, cr.Dense(1)], seed=0), [[1, 2, 0], [3, 0, 0]])


PAGES = [
    *map(
        functools.cache,
        [
            of_twelve_layers,
            of_special_letters,
            of_own_cost,
            without_parameters,
            of_pictures,
            of_masked_sequences,
            of_the_long_way,
        ],
    )
]


class TestLaTeX:
    @pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
    @pytest.mark.parametrize("page", PAGES)
    def test_it_compiles(self, page, tmp_path):
        page().save(tmp_path / "page.tex")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
        assert done.returncode == 0, [line for line in done.stdout.splitlines() if line.startswith("!")]
        assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")

    @pytest.mark.parametrize("page", PAGES)
    def test_another_parser_reads_it(self, page):
        source = page().latex
        nodes, at, length = LatexWalker(source, tolerant_parsing=False).get_latex_nodes()
        assert at + length == len(source)
        assert any(getattr(node, "environmentname", "") == "document" for node in nodes)

    @pytest.mark.parametrize("page", PAGES)
    def test_it_is_plain_ascii_and_no_align_is_empty(self, page):
        source = page().latex
        assert source.isascii()
        assert not re.search(r"\\begin{align\*}\s*\\end", source)

    def test_every_line_is_there(self):
        page = of_twelve_layers()
        source = page.latex
        assert r"dZ^{[12]} &= A^{[12]} - Y && (3, m)" in source
        assert r"\paragraph{layer 12, Dense(3, ''softmax'')}" in source
        assert len(re.findall("^.* &:= ", source, re.MULTILINE)) == 23


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("50% of a_b {x} ~ #1 \\", r"50\% of a\_b \{x\} {\textasciitilde} \#1 {\textbackslash}"),
        ("größe, í, Ő, ł", r"""gr\"{o}{\ss}e, \'{\i}, \H{O}, {\l}"""),
        ("α ≤ −1 ⊙ Σ", r"\ensuremath{\alpha} \ensuremath{\leq} \ensuremath{-}1 \ensuremath{\odot} \ensuremath{\Sigma}"),
        ("x² A₁ Zᵀ c₋", r"x\ensuremath{^{2}} A\ensuremath{_{1}} Z\ensuremath{^{T}} c\ensuremath{_{\ensuremath{-}}}"),
        ("中 ж ḗ", r"{\bfseries ?} {\bfseries ?} {\bfseries ?}"),
    ],
)
def test_letters_become_those_of_latex(text, written):
    assert in_ascii(text) == written


def test_letters_are_what_another_library_writes_or_a_question_mark():
    for letter in map(chr, (*range(32, 127), *range(0xC0, 0x17F), *range(0x391, 0x3CA))):
        theirs = unicode_to_latex(letter, unknown_char_policy="replace", unknown_char_warning=False)
        ours, theirs = (re.sub(r"[{}]", "", one) for one in (in_ascii(letter), theirs))
        if in_ascii(letter) != UNKNOWN and letter not in "Űű":  # which that library takes for Ú and ú
            assert theirs in (ours, re.sub(r"\\([ij])$", r"\1", ours))


class Structure(HTMLParser):
    """Counts the elements of a document, and finds those that were opened and never closed."""

    def __init__(self, source):
        super().__init__()
        self.counts, self.open, self.attributes = Counter(), [], []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.counts[tag] += 1
        self.attributes += attributes
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


class TestHTML:
    @pytest.mark.parametrize("page", PAGES)
    def test_its_elements_are_closed_in_order(self, page):
        found = Structure(page().html)
        assert found.open == []
        assert found.counts["h2"] == len(page().parts())
        assert found.counts["table"] == found.counts["h2"] + found.counts["details"]

    @pytest.mark.parametrize("page", PAGES)
    def test_it_needs_nothing_from_elsewhere(self, page):
        source = page().html
        assert not {"script", "link", "img", "iframe"} & set(Structure(source).counts)
        assert not {"src", "href"} & {name for name, _ in Structure(source).attributes}
        assert "http" not in source.replace('xmlns="http://www.w3.org/1998/Math/MathML"', "")
        assert "@import" not in source
        assert set(re.findall(r"url\((.{15})", source)) == {"data:font/woff2"}

    @pytest.mark.parametrize("page", PAGES)
    def test_every_formula_is_mathml_without_errors_and_left_over_latex(self, page):
        formulas = re.findall(r"<math.*?</math>", page().html, re.DOTALL)
        assert len(formulas) >= sum(len(section.lines) for section in page().sections)
        for formula in formulas:
            tree = ElementTree.fromstring(formula)
            assert not [element for element in tree.iter() if element.tag.endswith("merror")]
            assert "\\" not in "".join(tree.itertext())

    def test_a_notebook_gets_the_same_without_the_frame_of_a_document(self):
        page = cr.derive(three_four_one())
        assert page._repr_html_() in page.html
        assert "<html" not in page._repr_html_()

    def test_names_of_layers_are_escaped(self):
        class DerivedMarkup(cr.Layer):
            def __init__(self, title):
                self.title = title

            def forward(self, A):
                return A * 2

        page = cr.derive(cr.Network([DerivedMarkup("<b>&"), cr.Dense(1)], seed=0, input_shape=3))
        assert "&lt;b&gt;&amp;" in page.html
        assert "<b>" not in page.html


class TestText:
    def test_printing_it_shows_the_text(self, capsys):
        page = cr.derive(three_four_one())
        print(page)
        assert capsys.readouterr().out == page.text + "\n"
        assert repr(page) == str(page) == page.text

    @pytest.mark.parametrize("width", [20, pytest.param(40, marks=pytest.mark.slow), 80])
    @pytest.mark.parametrize("page", PAGES)
    def test_a_narrow_terminal_folds_and_loses_nothing(self, page, width):
        console = Console(width=width, force_terminal=True, file=io.StringIO(), record=True)
        console.print(page())
        shown = console.export_text()
        assert max(map(len, shown.splitlines())) <= width
        assert re.sub(r"\s", "", shown) == re.sub(r"\s", "", page().text)

    def test_labels_that_look_like_markup_are_printed_as_they_are(self):
        class DerivedRed(cr.Layer):
            def __init__(self, title):
                self.title = title

            def forward(self, A):
                return A * 2

        page = cr.derive(cr.Network([DerivedRed("[red]"), cr.Dense(1)], seed=0, input_shape=3))
        assert 'DerivedRed("[red]")' in page.text


class TestSave:
    @pytest.mark.parametrize(("suffix", "form"), [(".txt", "text"), (".tex", "latex"), (".html", "html")])
    def test_the_suffix_says_the_form(self, tmp_path, suffix, form):
        page = of_special_letters()
        page.save(tmp_path / f"page{suffix}")
        page.save(str(tmp_path / f"as text{suffix}"))
        for name in (f"page{suffix}", f"as text{suffix}"):
            assert (tmp_path / name).read_text(encoding="utf-8") == getattr(page, form)

    @pytest.mark.parametrize("name", ["page.pdf", "page", "page.TEXT", ".html"])
    def test_other_suffixes_are_refused(self, tmp_path, name):
        with pytest.raises(cr.OptionError, match=r"written as \.txt, \.tex or \.html, but the file is called"):
            cr.derive(three_four_one()).save(tmp_path / name)
        assert list(tmp_path.iterdir()) == []

    def test_a_failed_write_leaves_the_old_file(self, tmp_path, monkeypatch):
        path = tmp_path / "page.html"
        path.write_text("old")

        def full(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("chainrule.files.os.replace", full)
        with pytest.raises(
            cr.ModelFileError, match=r"No space left on device\. The file that was there is unchanged\."
        ):
            cr.derive(three_four_one()).save(path)
        assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_wide_matrices_get_the_long_side_of_the_paper():
    net = cr.Network([cr.Dense(1, "sigmoid")], seed=0, input_shape=3)
    assert "landscape" in cr.derive(net, np.ones((8, 3)), np.zeros(8)).latex
    assert "landscape" not in cr.derive(net, np.ones((2, 3)), np.zeros(2)).latex
