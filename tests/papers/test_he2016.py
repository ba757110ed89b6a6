"""Plain networks get worse with depth; with ways around, and F that begins as 0, they do not."""

import numpy as np
import pytest

from chainrule.papers import he2016


def test_depth_hurts_the_plain_network_and_not_the_one_that_begins_as_a_shallow_one():
    result = he2016.run(seeds=1, depths=(8, 40), m=256, epochs=12)
    wrong = {name.removesuffix(" train"): values[0] for name, values in result.numbers.items() if "train" in name}
    assert wrong["plain 40"] > wrong["plain 8"] + 0.2
    assert wrong["residual from 0 40"] < wrong["residual 40"] < wrong["plain 40"] - 0.15
    assert result.numbers["plain 40 ratio"][0] > 30 * result.numbers["plain 8 ratio"][0]
    assert "8 | 40 layers" in result.rows[0].what
    assert "Dense layers of 16 for 48 updates" in result.rows[0].why
    assert "each of 19 blocks" in result.rows[1].why
    assert result.rows[2].why == "Not in this paper (Goyal et al., 2017)."  # after 12 epochs it is not better yet
    assert len(result.figure.panels) == 3


def test_a_reason_is_given_only_where_it_holds():
    result = he2016.run(seeds=1, depths=(4, 8), units=8, m=128, epochs=2)
    why = [row.why for row in result.rows]
    assert why[0] == "Dense layers of 8 for 4 updates, not convolutions for 64,000."
    assert ("each of 3 blocks" in why[1]) == (result.numbers["residual 8 train"] > result.numbers["residual 4 train"])
    better = result.numbers["residual from 0 8 train"] < result.numbers["residual from 0 4 train"]
    assert ("better" in why[2]) == better
    assert "8 × 8 digits by 128 here" in why[3]


@pytest.mark.parametrize("depth", [4, 20])
def test_all_kinds_have_the_same_parameters_and_as_many_layers_with_weights_as_they_say(depth):
    nets = [he2016._network(kind, depth, 16, 0) for kind in he2016.KINDS]
    assert {net.flat.size for net in nets} == {nets[0].flat.size}
    assert sum(name[0] == "W" for name in nets[0].parameters) == depth


def test_a_block_whose_F_begins_as_0_leaves_its_input():
    X = np.random.default_rng(0).uniform(size=(5, 64))
    shallow, deep = (he2016._network("residual from 0", depth, 16, 0) for depth in (2, 8))
    for name in ("W1", "gamma2", "beta2"):
        deep.set_parameters({name: shallow.parameters[name]})
    last = dict(zip(list(deep.parameters)[-2:], list(shallow.parameters.values())[-2:], strict=True))
    deep.set_parameters(last)
    np.testing.assert_allclose(deep.predict(X), shallow.predict(X), rtol=1e-5)
