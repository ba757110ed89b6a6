"""Numbers as people read them."""

import pytest

from chainrule.numbers import brief


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (39744286201897.1172, "39.7 trillion"),
        (39_744_286, "39.7 million"),
        (-2_500_000_000, "-2.50 billion"),
        (999_600, "1.00 million"),
        (12_345.6, "12,300"),
        (-2262.4, "-2,260"),
        (100, "100"),
        (9.996, "10.0"),
        (0.93371, "0.934"),
        (0.99961, "0.9996"),
        (1, "1.00"),
        (0, "0"),
        (0.000123, "0.000123"),
        (0.00001, "1.00e-05"),
        (1e18, "1.00e+18"),
        (float("nan"), "not defined"),
        (float("inf"), "infinite"),
    ],
)
def test_three_digits_count(value, words):
    assert brief(value) == words
