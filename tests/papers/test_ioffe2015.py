"""Batch normalization: the same network learns many updates earlier, and its inputs to sigmoids have a width."""

import numpy as np

from chainrule.papers import ioffe2015


def test_the_normalized_network_learns_while_the_plain_one_has_not_begun():
    result = ioffe2015.run(seeds=[3], epochs=8)
    assert result.numbers["normalized right"][0] > 0.9
    assert result.numbers["plain right"][0] < 0.3
    assert np.isnan(result.numbers["plain updates"][0])
    assert result.numbers["normalized updates"][0] <= 4 * ioffe2015.UPDATES
    assert result.numbers["normalized updates"][0] % ioffe2015.UPDATES == 0
    assert result.rows[0].here == "–"  # of a network that never gets there nothing can be said
    assert result.figure.svg().count("<polyline") == 6
