"""Random labels are learned by heart; the error comes down twice; sums are understood late."""

from chainrule.papers import zhang2017
from chainrule.papers.trainings import first_there


def test_all_labels_are_learned_and_the_test_knows_which_were_true():
    own, test = zip(*(zhang2017._by_heart(0, share, 150, 256)[:2] for share in (0.0, 1.0)), strict=True)
    assert min(own) > 0.98
    assert test[0] > 0.8
    assert test[1] < 0.25


def test_the_error_peaks_where_there_are_as_many_features_as_digits():
    few, peak, many = (zhang2017._error(0, n) for n in (50, 110, 500))
    assert peak > few + 0.2
    assert many < few


def test_sums_that_were_not_trained_on_are_right_later():
    course = zhang2017._sums(0, share=0.7, units=128, updates=400)
    own, others = (first_there(right >= 0.5, zhang2017.EACH) for right in course)
    assert others > 4 * own


def test_the_table_has_no_sums_where_nobody_adds():
    without = zhang2017.run(seeds=1, m=60, units=128, sums=0)
    assert len(without.figure.panels) == 2
    assert len(without.rows) == 5
    added = {"updates own": [40.0], "updates others": [1000.0], "others": [0.9]}
    assert zhang2017._rows(without.numbers | added, (0,))[-1].what.endswith("at the end (1 seed)")
