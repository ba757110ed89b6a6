import numpy as np
import pytest

import chainrule as cr


@pytest.fixture(autouse=True)
def _wide_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


@pytest.fixture
def net():
    residual = cr.Residual([cr.Dense(16), cr.BatchNorm()])
    return cr.Network([cr.Dense(16, "relu"), cr.Dropout(0.2), residual, cr.Dense(10, "softmax")], input_shape=784)


def printed(net, capsys):
    net.summary()
    return [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]


def test_every_layer_has_a_line_with_its_shape_its_parameters_and_their_number(net, capsys):
    lines = printed(net, capsys)
    assert ["1", "Dense(16,", '"relu")', "(m,", "16)", "W1", "(16,", "784),", "b1", "(16,)", "12,560"] in lines
    assert ["Dropout(0.2)", "(m,", "16)"] in lines
    assert ["Residual", "(m,", "16)"] in lines
    assert ["2", "Dense(16)", "(m,", "16)", "W2", "(16,", "16),", "b2", "(16,)", "272"] in lines
    assert ["3", "BatchNorm()", "(m,", "16)", "gamma3", "(16,),", "beta3", "(16,)", "32"] in lines
    assert ["4", "Dense(10,", '"softmax")', "(m,", "10)", "W4", "(10,", "16),", "b4", "(10,)", "170"] in lines


def test_the_input_comes_first_and_the_sum_last_and_the_layers_between(net, capsys):
    lines = printed(net, capsys)
    assert len(lines) == 2 + 1 + 6 + 1
    assert ["X", "(m,", "784)"] in lines
    assert lines[-1] == ["in", "all", f"{net.flat.size:,}"]


def test_sequences_show_their_steps(capsys):
    lines = printed(cr.Network([cr.Embedding(5, 3), cr.Flatten()], input_shape=7), capsys)
    assert ["X", "(m,", "7)"] in lines
    assert ["1", "Embedding(5,", "3)", "(m,", "7,", "3)", "W1", "(5,", "3)", "15"] in lines
    assert ["Flatten()", "(m,", "21)"] in lines


def test_before_there_were_data_it_says_where_shapes_come_from(capsys):
    cr.Network([cr.Dense(3)]).summary()
    out = capsys.readouterr().out
    assert "Dense(3)" in out
    assert "Shapes are found from the first data, or from Network(…, input_shape=…)." in out


def test_a_network_without_parameters_has_none(capsys):
    assert printed(cr.Network([cr.Activation("relu")], input_shape=2), capsys)[-1] == ["in", "all", "0"]


def test_looking_changes_nothing(net, capsys):
    before = {name: value.copy() for name, value in net.state().items()}
    net.summary()
    for name, value in net.state().items():
        np.testing.assert_array_equal(value, before[name])
