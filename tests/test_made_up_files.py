"""Some of the files that `tests.torture` makes up without an end."""

from tests.torture import archives, models


def test_a_model_that_somebody_made_up_is_refused_or_works():
    found = models.sample(0, 150)
    assert {"ok", "refused"} == set(found)


def test_an_archive_that_somebody_made_up_is_refused_or_works():
    found = archives.sample(0, 300)
    assert {"ok", "refused"} == set(found)
