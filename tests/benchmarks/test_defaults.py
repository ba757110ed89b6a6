"""What the table of the defaults says about chance."""

import numpy as np
import pytest
from benchmarks.defaults import Fold, error_of_mean


def test_folds_that_share_rows_leave_more_to_chance_than_as_many_experiments():
    fold = Fold(np.arange(80), np.arange(20), 0)
    error = error_of_mean([1.0, 2.0, 3.0, 4.0, 5.0], [fold] * 5)
    assert error == pytest.approx(np.sqrt(2.5 * (1 / 5 + 20 / 80)))
