"""The playground: what the sliders choose is what is trained and drawn; as a script, and in a browser."""

import json
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from importlib.util import find_spec
from types import SimpleNamespace
from xml.etree import ElementTree

import browser
import numpy as np
import pytest

import chainrule as cr
import commands
from chainrule.live import LESSONS, file_of, lesson
from chainrule.live.own_data import MOST, opened
from chainrule.live.plane import Plane

MARIMO = pytest.mark.skipif(find_spec("marimo") is None, reason="marimo is not installed")


def right(learned):
    return np.mean((learned.network.predict(learned.X)[:, 0] > 0.5) == learned.y)


@pytest.mark.parametrize("data", lesson.DATA)
def test_every_kind_of_data_is_the_same_each_time_and_can_be_learned(data):
    X, y = lesson.examples(data)
    np.testing.assert_array_equal(X, lesson.examples(data)[0])
    assert X.shape == (lesson.M, 2)
    assert set(y.tolist()) == {0, 1}
    assert np.abs(X).max() < 3
    learned = lesson.learn(lesson.Choices(data=data, units=8, optimizer="Adam", alpha=0.03, epochs=120))
    assert right(learned) > 0.94


def test_each_choice_reaches_the_network():
    chosen = lesson.Choices(
        data="a ring",
        alpha=0.1,
        units=3,
        layers=2,
        activation="relu",
        optimizer="momentum",
        batch="all",
        start="he",
        epochs=5,
    )
    learned = lesson.learn(chosen)
    assert [layer.n_out for layer in learned.network.layers] == [3, 3, 1]
    assert [layer.activation for layer in learned.network.layers] == ["relu", "relu", "sigmoid"]
    assert len(learned.costs) == 5
    J = cr.evaluate(learned.network, learned.X, learned.y, loss="binary_cross_entropy")["loss"]
    assert learned.told.endswith(f"J = {J:.4f} after 5 epochs"), "as it is then, and not on the way"
    assert (chosen.rule().momentum, chosen.rule().learning_rate) == (0.9, 0.1)
    zeros = lesson.learn(lesson.Choices(start="zeros", epochs=3)).network.parameters["W1"]
    assert np.ptp(zeros, axis=0).max() == 0
    penalized = [lesson.learn(lesson.Choices(regularization=l2, epochs=40)).network for l2 in (0.0, 0.1)]
    assert np.square(penalized[1].parameters["W1"]).sum() < np.square(penalized[0].parameters["W1"]).sum()


def test_without_an_epoch_and_with_too_large_a_rate_there_is_still_something_to_see():
    untrained = lesson.learn(lesson.Choices(epochs=0))
    assert untrained.told.endswith("not trained yet")
    diverged = lesson.learn(lesson.Choices(alpha=1e300, activation="relu"))
    assert "epoch 1, batch 2: the cost is nan" in diverged.told
    for learned in (untrained, diverged):
        for svg in (learned.boundary(), learned.cost(), learned.neurons()):
            ElementTree.fromstring(svg.encode())


def test_an_update_is_told_line_by_line_with_the_networks_own_numbers():
    learned = lesson.learn(lesson.Choices(units=2))
    lines = learned.lines()
    assert lines[0] == "Forward"
    first = next(line for line in lines if line.lstrip().startswith("W^[1] "))
    assert f"{learned.network.parameters['W1'][0, 0]:.4g}" in first
    assert lines[-1].strip().startswith("b^[2] := b^[2] − α db^[2]")
    assert "<math" in learned.derivation()


def test_the_line_in_the_plane_is_where_the_network_is_undecided():
    plane = Plane((0, 0), (1, 1), left=0, top=0, width=100, height=100, fine=11)
    svg = plane.beliefs(lambda rows: 1 / (1 + np.exp(-20 * (rows[:, :1] - 0.3))))
    line = re.search(r'd="M([^"]*)" fill="none"', svg)[1]
    assert {round(float(point.split()[0])) for point in line.split("L")} == {30}
    assert plane.examples(np.array([[0.5, 0.25]]), [1]).count("M50 75h0") == 1


def people(m=200):
    """A CSV of m people, of whom those are ill that weigh more than 70."""
    random = np.random.RandomState(0)
    rows = zip(random.uniform(150, 200, m), random.uniform(45, 95, m), strict=True)
    return "height,weight,ill\n" + "\n".join(f"{a:.1f},{b:.1f},{'yes' if b > 70 else 'no'}" for a, b in rows)


def given(text, name="people.csv"):
    return opened(None, [SimpleNamespace(name=name, contents=text.encode())])


def test_a_csv_of_ones_own_is_learned_and_drawn_and_told_in_a_line():
    file = given(people() + "\n180,,no\n")
    assert file.usual() == ("height", "weight", "ill")
    own, fault = file.examples(*file.usual())
    assert fault == ""
    assert own.told == (
        "people.csv: across is height, upwards weight, both standardized; 1 is yes, 0 is no; "
        "left out is 1 row without one of the numbers"
    )
    np.testing.assert_allclose([own.X.mean(axis=0), own.X.std(axis=0)], [[0, 0], [1, 1]], atol=1e-12)
    learned = lesson.learn(lesson.Choices(epochs=40), own)
    assert learned.X is own.X
    assert right(learned) > 0.95
    assert (learned.plane.low < own.X).all()
    assert (learned.plane.high > own.X).all()
    assert len(learned.costs) == 40
    assert learned.boundary() != lesson.learn(lesson.Choices(epochs=40)).boundary()
    turned, _ = file.examples("weight", "height", "ill")
    np.testing.assert_array_equal(turned.X, own.X[:, ::-1])


def test_of_many_rows_some_are_drawn_and_that_is_told():
    file = given(people(MOST + 500))
    own, _ = file.examples(*file.usual())
    assert own.X.shape == (MOST, 2)
    assert own.told.endswith("; 1,000 of 1,500 rows are drawn")


@pytest.mark.parametrize(
    ("text", "columns", "fault"),
    [
        ("", None, "people.csv is empty"),
        ("a,b\n1,2\n3,4\n", None, "2 columns and 2 rows, but the playground takes two columns of numbers and one"),
        ("a,b,c\n1,2,x\n2,1,y\n4,4,z\n", None, "c has 3 different values, but the playground answers yes or no"),
        ("a,b,c\nu,1,x\nv,2,y\nw,3,x\n", None, "a holds no numbers"),
        ("a,b,c\n1,5,x\n2,5,y\n3,5,x\n", None, "b cannot be standardized: its standard deviation is 0"),
        ("a,b,c\n1,,x\n2,1,y\n3,2,y\n", None, "of the rows with both numbers, all have the same answer in c"),
        ("a,b,c\n1,4,x\n2,1,y\n3,2,y\n", ("a", "a", "c"), "three different columns; choose each once"),
    ],
)
def test_what_is_wrong_with_a_csv_is_told_in_a_sentence(text, columns, fault):
    file = given(text)
    own, told = file.examples(*(columns or file.usual()))
    assert own is None
    assert fault in told
    assert told.endswith(".")


def test_a_file_that_is_not_there_is_told_before_anything_starts(tmp_path):
    done = commands.chainrule("notes", "nowhere.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("nowhere.csv cannot be read: No such file or directory.")


def test_without_marimo_the_command_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "marimo", None)
    done = commands.chainrule("notes", cwd=tmp_path)
    assert done.returncode == 2
    assert "pip install 'chainrule[live]'" in done.stderr


@MARIMO
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_as_a_script(name):
    ran = subprocess.run([sys.executable, str(file_of(name))], capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stderr


@MARIMO
@pytest.mark.skipif(browser.CHROMIUM is None, reason="Chromium is not installed")
def test_in_a_browser_button_and_slider_train_on_own_data_too_and_nothing_leaves_the_machine(tmp_path):
    from live.tab import tab

    (tmp_path / "people.csv").write_text(people())
    (tmp_path / "three.csv").write_text("a,b,c\n1,2,x\n2,1,y\n4,4,<b>\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "chainrule", "notes", "--no-browser", "--port", str(port)]
    server = subprocess.Popen(
        [*line, "people.csv"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path
    )
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", server)
        with tab(f"http://127.0.0.1:{port}", tmp_path / "profile") as page:
            told, drawn = 'document.querySelector("strong")?.textContent', f"{_PICTURE}?.innerHTML"
            before, picture = page.wait(told), page.wait(drawn)
            assert "people.csv: across is height" in page.value("document.body.innerText")
            assert page.wait(_once_there('part.tagName === "BUTTON" && part.textContent === "one epoch more"', "click"))
            after = page.wait(f"({told}) !== {json.dumps(before)} && ({told})")
            assert (before.split("after ")[1], after.split("after ")[1]) == ("60 epochs", "61 epochs")
            assert page.value(drawn) != picture

            epochs = 'part.getAttribute("role") === "slider" && part.getAttribute("aria-valuenow") === "60"'
            assert page.wait(_once_there(epochs, "focus"))
            for kind in ("rawKeyDown", "keyUp"):
                page.call("Input.dispatchKeyEvent", type=kind, key="ArrowLeft", windowsVirtualKeyCode=37)
            moved = page.wait(f"({told}) !== {json.dumps(after)} && ({told})")
            assert moved.split("after ")[1] == "60 epochs"
            assert page.wait(drawn) == picture

            upload = page.call("Runtime.evaluate", expression=f'{_FIND}(part => part.type === "file")')["result"]
            page.call("DOM.setFileInputFiles", files=[str(tmp_path / "three.csv")], objectId=upload["objectId"])
            assert page.wait(f'{_FIND}(part => part.textContent.startsWith("three.csv: c has 3 different"))?.tagName')
            assert page.errors() == []
            assert page.hosts() == {"127.0.0.1"}
    finally:
        _end(server)


_PICTURE = 'document.querySelector("svg[viewBox=\\"5 25 320 290\\"]")'
_FIND = """((wanted) => {
  const find = (root) => {
    for (const part of root.querySelectorAll("*")) {
      if (wanted(part)) return part;
      const inside = part.shadowRoot && find(part.shadowRoot);
      if (inside) return inside;
    }
  };
  return find(document);
})"""


def _once_there(wanted, act):
    """Whether the part of the page was there, and has been clicked or the like."""
    return f"((part) => {{ if (part) part.{act}(); return Boolean(part); }})({_FIND}((part) => {wanted}))"


def _wait_for(url, server):
    for _ in range(6000):
        assert server.poll() is None, "the server has ended"
        try:
            urllib.request.urlopen(url).close()
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise TimeoutError(url)


def _end(server):
    """As Ctrl-C does: the command and the server that it started."""
    server.send_signal(signal.SIGINT)
    try:
        told, _ = server.communicate(timeout=600)
    except subprocess.TimeoutExpired:
        server.terminate()
        told, _ = server.communicate()
    assert told.splitlines()[-1:] == ["the notes are closed"]
