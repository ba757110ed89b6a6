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
from xml.etree import ElementTree

import browser
import numpy as np
import pytest

import chainrule as cr
import commands
from chainrule.live import LESSONS, file_of, lesson
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


def test_without_marimo_the_command_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    done = commands.chainrule("notes", cwd=tmp_path)
    assert done.returncode == 2
    assert "pip install 'chainrule[live]'" in done.stderr


@MARIMO
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_runs_as_a_script(name):
    ran = subprocess.run([sys.executable, str(file_of(name))], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


@MARIMO
@pytest.mark.skipif(browser.CHROMIUM is None, reason="Chromium is not installed")
def test_in_a_browser_a_button_trains_on_and_nothing_leaves_the_machine(tmp_path):
    from live.tab import tab

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    line = [sys.executable, "-m", "chainrule", "notes", "--no-browser", "--port", str(port)]
    server = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        _wait_for(f"http://127.0.0.1:{port}/health", server)
        with tab(f"http://127.0.0.1:{port}", tmp_path / "profile") as page:
            told = 'document.querySelector("strong")?.textContent'
            before = page.wait(told)
            picture = page.wait('document.querySelector("svg[viewBox=\\"5 25 320 290\\"]")?.innerHTML')
            assert page.wait(_PRESS.replace("TEXT", "one epoch more"))
            after = page.wait(f"({told}) !== {json.dumps(before)} && ({told})")
            assert (before.split("after ")[1], after.split("after ")[1]) == ("60 epochs", "61 epochs")
            assert page.value('document.querySelector("svg[viewBox=\\"5 25 320 290\\"]").innerHTML') != picture
            assert page.errors() == []
            assert page.hosts() == {"127.0.0.1"}
    finally:
        _end(server)


_PRESS = """(() => {
  const find = (root) => {
    for (const part of root.querySelectorAll("*")) {
      if (part.tagName === "BUTTON" && part.textContent.includes("TEXT")) return part;
      const inside = part.shadowRoot && find(part.shadowRoot);
      if (inside) return inside;
    }
  };
  const button = find(document);
  if (button) button.click();
  return Boolean(button);
})()"""


def _wait_for(url, server):
    for _ in range(600):
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
        told, _ = server.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        server.terminate()
        told, _ = server.communicate()
    assert told.splitlines()[-1:] == ["the notes are closed"]
