"""A line of totals, as tables in workbooks end in one."""

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data.strays import total_in
from chainrule.sklearn import TableRegressor

M = 40
AREA = np.random.default_rng(0).uniform(50, 2500, M).round(1)
PRICE = (3 * AREA + 500).round(2)


def table(*, total):
    """Areas and prices, and perhaps what they come to."""
    area, price = AREA.tolist(), PRICE.tolist()
    shop = [f"s{i % 3}" for i in range(M)]
    if total:
        area, price, shop = [*area, None], [*price, round(sum(price), 2)], [*shop, None]
    return pl.DataFrame({"shop": shop, "area": area, "price": price})


@pytest.mark.parametrize("place", [0, 17, M])
@pytest.mark.parametrize("digits", [0, 2])
def test_it_is_found_wherever_it_stands_and_rounded(place, digits):
    values = np.insert(PRICE, place, round(float(PRICE.sum()), digits))
    assert total_in(values) == place
    assert total_in(np.insert(values, 3, np.nan)) == place + (place > 2)


@pytest.mark.parametrize(
    "values",
    [
        PRICE,
        np.append(PRICE, PRICE.sum() * 1.01),
        np.append(-PRICE, -PRICE.sum()),
        [1.0, 2.0, 3.0],
        np.zeros(M),
        np.full(M, np.nan),
        np.arange(M) % 2,
        np.append(np.zeros(M), [1, 1]),
        np.append(np.zeros(M), 0.4),
        np.append(np.full(12, 0.01), 0.3),
        np.append(np.full(12, 1.0), 12),
        np.append(np.zeros(M), [700, 500, 2345, 3545]),
    ],
    ids=[
        "none",
        "near",
        "negative",
        "few",
        "zeros",
        "gaps",
        "answers",
        "one and one",
        "one alone",
        "small",
        "counts",
        "hardly any",
    ],
)
def test_what_is_none_is_not_taken_for_one(values):
    assert total_in(np.asarray(values, float)) is None


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e6])
@pytest.mark.parametrize("digits", [None, 3, 2])
def test_a_long_tail_is_taken_for_one_at_most_once_in_a_thousand_draws_on_any_scale(scale, digits):
    rng = np.random.default_rng(0)
    found = 0
    for i in range(3000):
        m = (12, 20, 40)[i % 3]
        y = (rng.lognormal(0, 1.5, m) if i % 2 else rng.beta(0.3, 20, m)) * scale
        written = y if digits is None else np.array([float(f"{value:.{digits}g}") for value in y])
        found += total_in(written) is not None
    assert found <= 3


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0])
def test_it_is_found_on_any_scale(scale):
    values = [float(f"{value * scale:.6g}") for value in PRICE]
    assert total_in(np.array([*values, float(f"{sum(values):.6g}")])) == M


def test_it_is_told_before_training_and_where_it_would_be_measured(tmp_path):
    said = f"row {M + 1} holds the sum of all others in price: if that is a total, take it out"
    settings = cr.Settings(hidden=(4,), members=1, epochs=1, seed=0)
    made = cr.Experiment(cr.read_table(table(total=True), "price"), settings, tmp_path / "a")
    assert said in made.notes
    made = cr.Experiment(cr.read_table(table(total=False), "price"), settings, tmp_path / "b")
    assert not any("the sum of all others" in note for note in made.notes)
    made.run(progress=False)
    trained = cr.Trained.load(tmp_path / "b")
    assert said in trained.read(table(total=True), warn=False).notes
    assert not any("the sum" in note for note in trained.read(table(total=True), labelled=False, warn=False).notes)


def test_the_estimators_warn_of_it():
    frame = pl.DataFrame({"area": [*AREA, AREA.sum()], "shop": [f"s{i % 3}" for i in range(M + 1)]})
    with pytest.warns(
        cr.errors.DoubtWarning, match=f"row {M + 1} holds the sum of all others in area, y: if that is a total"
    ):
        TableRegressor(hidden=(4,), epochs=1, random_state=0).fit(frame, [*PRICE, PRICE.sum()])
