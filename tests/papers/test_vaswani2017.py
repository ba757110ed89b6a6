"""Attention says a sequence backwards, and looks at each step's counterpart; one vector loses the long ones."""

import numpy as np

from chainrule.papers import vaswani2017


def test_attention_is_right_at_all_lengths_and_one_vector_is_not():
    result = vaswani2017.run(seeds=1, lengths=(3, 6, 9), updates=120)
    attention, vector = ([result.numbers[f"{kind} {T}"][0] for T in (3, 6, 9)] for kind in ("attention", "one vector"))
    assert min(attention) > 0.95
    assert vector[0] > vector[1] > vector[2]
    assert result.numbers["no places 6"][0] < 0.6
    assert result.numbers["weight 6"][0] > 0.5
    (squares,) = result.figure.panels[0].marks
    np.testing.assert_array_equal(squares.values.argmax(axis=1), [5, 4, 3, 2, 1, 0])
    assert result.rows[0].what.startswith("9 symbols said backwards")
    assert "120 updates, after which the one vector has not learned it: only" in result.rows[0].why
    assert result.rows[1].why.startswith("Short sequences fit")
    assert "With Bahdanau, Cho & Bengio (2015)" in str(vaswani2017.PAPER)
    assert result.rows[0].paper.startswith("Bahdanau et al.: BLEU")  # whose number it is
