"""Numbers with a unit: what is read of them, what is told, and what is none."""

import numpy as np
import polars as pl
import pytest

import chainrule as cr
from chainrule.data import chunks
from chainrule.data.column_kinds import find_column

RANDOM = np.random.default_rng(0)


def found(values, name="x", role=None):
    return find_column(pl.Series(name, values, strict=False), role)


def cells(make, n=60):
    return [make(i) for i in range(n)]


@pytest.mark.parametrize(
    ("written", "unit", "values"),
    [
        (["70 kg", "81.5 kg", "64kg"], "kg", [70, 81.5, 64]),
        (["70 kg", "81 kg", "500 g"], "kg", [70, 81, 0.5]),
        (["70 KG", "81 Kgs.", "5 kilograms"], "kg", [70, 81, 5]),
        (["5'11\"", "6'2\"", "5'9"], "inches", [71, 74, 69]),
        (["5 ft 11 in", "6 feet", "5 ft. 1 in."], "inches", [71, 72, 61]),
        (["$1.09M", "$12.5M", "$900K"], "million $", [1.09, 12.5, 0.9]),
        (["1.2 million dollars", "3 million dollars", "$1 million"], "million $", [1.2, 3, 1]),
        (["3 days", "1 day", "12 days"], "days", [3, 1, 12]),
        (["12 h 30 min", "1 h", "45 min"], "min", [750, 60, 45]),
        (["1h30m", "2h", "45m"], "min", [90, 120, 45]),
        (["2 h", "90 min", "1 h"], "h", [2, 1.5, 1]),
        (["2 years", "3 years, 6 months", "8 months"], "months", [24, 42, 8]),
        (["10-20 kg", "5 kg", "3 to 4 kg"], "kg", [15, 5, 3.5]),
        (["$10-20", "$30 - $40", "$7"], "$", [15, 35, 7]),
        (["1,5 kg", "22 kg", "1.250,25 kg"], "kg", [1.5, 22, 1250.25]),
        (["1,250 g", "22 g", "12,500 g"], "g", [1250, 22, 12500]),
        (["-3.5 °C", "21°C", "−2 °C"], "°C", [-3.5, 21, -2]),
        (["10 °C", "50°F", "20 °C"], "°C", [10, 10, 20]),
        (["10MB", "1.5GB", "20 MB"], "MB", [10, 1500, 20]),
        (["12 votes", "1 vote", "1,234 votes"], "votes", [12, 1, 1234]),
        (["950 sq ft", "1200 sq. ft.", "800 ft2"], "ft²", [950, 1200, 800]),
        (["80 mg/dL", "99.5 mg/dL", "120 mg/dL"], "mg/dL", [80, 99.5, 120]),
        (["0", "3 days", "5 days"], "days", [0, 3, 5]),
    ],
)
def test_one_unit_a_column_is_a_number_in_that_unit(written, unit, values):
    column = found(written)
    assert (column.kind, column.unit) == ("number", unit)
    assert f"3 different, in {unit}" in column.reason
    np.testing.assert_allclose(column.values(pl.Series("x", written)), values)


def test_units_that_are_converted_are_named():
    assert found(["70 kg", "81 kg", "500 g"]).reason == "3 different, in kg, g converted"
    told = found(["2 years", "3 years", "1 year", "5 days"]).reason
    assert told == "4 different, in years, days converted, a month taken for 30.44 days"


@pytest.mark.parametrize(
    ("written", "values"),
    [(["1.2k", "900", "3.5M"], [1200, 900, 3.5e6]), (["45 Lac", "1.2 Cr"], [4.5e6, 1.2e7])],
)
def test_thousands_and_millions_without_a_unit_are_written_out(written, values):
    column = found([*written, "7k"])
    assert (column.unit, column.reason.split(", ", 1)[1]) == ("", "k, M and the like written out")
    np.testing.assert_allclose(column.values(pl.Series("x", written)), values)


def test_many_different_ranges_are_their_middles():
    column = found(cells(lambda i: f"{i}-{2 * i + 10}"))
    assert (column.kind, column.reason) == ("number", "60 different, ranges taken for their middles")
    assert column.values(pl.Series("x", ["10-20"])).to_list() == [15]


def test_few_ranges_that_come_again_are_categories_unless_somebody_says_that_they_are_numbers():
    ages = ["18-24", "25-34", "35-44", "45-54"] * 9
    assert found(ages, "age").reason == "4 different; --number age reads the middles of these ranges"
    column = found(ages, "age", "number")
    assert column.values(pl.Series("age", ["18-24"])).to_list() == [21]
    assert found(["18-24", "25-34", "65+"] * 9, "age").reason == "3 different"


@pytest.mark.parametrize(
    "make",
    [
        lambda i: f"{200 + i}-{1000 + 71 * i}",  # phone
        lambda i: f"({200 + i}) 555-{1000 + i}",
        lambda i: f"+49 {100 + i} {20000 + 7 * i}",
        lambda i: f"{i * 1007:05d}",  # zip codes
        lambda i: f"{i * 1007:05d}-{i:04d}",
        lambda i: f"{1000 + i} {'ABCDEF'[i % 6]}{'XYZ'[i % 3]}",
        lambda i: f"SW{i % 9}A {i % 7}AA",
        lambda i: f"1.{i % 9}.{i}",  # versions
        lambda i: f"v1.{i}",
        lambda i: f"{i}x{2 * i}",
        lambda i: f"{i} x {2 * i} cm",
        lambda i: f"A{100 + i}",
        lambda i: f"{100 + i}{'ABC'[i % 3]}",
        lambda i: f"{i} {['Main', 'Oak', 'Elm'][i % 3]} St",
        lambda i: f"{i % 12 + 1} {'ap'[i % 2]}m",
        lambda i: f"{i % 7}-{i % 5}",  # scores
        lambda i: f"{1990 + i % 30}-{(1991 + i % 30) % 100:02d}",
        lambda i: f"10.0.0.{i}",
        lambda i: f"{i}{['th', 'st', 'nd', 'rd'][i % 4]}",
        lambda i: f"{i}/{i + 7}",
        lambda i: f"<{i}",
    ],
)
def test_names_and_codes_are_no_numbers_with_a_unit(make):
    column = found(cells(make, 100))
    assert column.kind != "number"
    assert column.unit == ""


def test_hours_are_times_of_day():
    assert found(["9:30", "10:15", "23:59"]).kind == "date"


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda i: f"{i} {['kg', 'cm'][i % 2]}", "in cm and kg, which are not of one kind"),
        (lambda i: f"{i}.5 {['kmpl', 'km/kg'][i % 2]}", "in km/kg and kmpl, which are not of one kind"),
        (lambda i: f"{'$€'[i % 2]}{i}", "in $ and €, between which chainrule knows no rate"),
        (lambda i: f"{i} kg" if i % 50 else f"heavy{i}", "'heavy0' among numbers in kg: leave such cells empty"),
    ],
)
def test_what_stands_in_the_way_of_one_unit_is_told(make, why):
    assert why in found(cells(make, 100)).reason


def test_a_word_among_numbers_with_a_unit_means_that_they_are_missing():
    column = found([*cells(lambda i: f"{i} kg"), "unknown", "unknown"])
    assert (column.kind, column.unit, column.markers) == ("number", "kg", ["unknown"])
    assert column.reason == "61 different, in kg, 'unknown' taken for missing"


def test_an_id_is_no_quantity():
    assert found(cells(lambda i: f"{i} kg"), "sample_id").kind != "number"


def test_a_cell_of_another_unit_is_told_by_its_row():
    column = found(cells(lambda i: f"{i} kg"))
    with pytest.raises(cr.DataError, match=r"x holds '70 cm' in row 2, but that column .* such as 1234\.5 kg"):
        column.values(pl.Series("x", ["70 kg", "70 cm"]))
    with pytest.raises(cr.DataError, match="x holds '10-20 kg' in row 1, but"):
        column.values(pl.Series("x", ["10-20 kg"]))
    with pytest.raises(cr.DataError, match=r"x holds 'heavy' in row 3, but --number x says .* such as 1234\.5 kg"):
        found(["70 kg", "80 kg", "heavy", "slim"], role="number")


def test_each_cell_is_read_by_itself_whatever_stands_beside_it():
    prices = found([*cells(lambda i: f"${1 + i / 50:.2f}M"), *cells(lambda i: f"${900 - i},000", 20)])
    assert prices.unit == "million $"
    for written, values in (
        (["$1.20M", "$900,000"], [1.2, 0.9]),
        (["$900,000"], [0.9]),
        (["1.2", "$900,000"], [1.2, 0.9]),
    ):
        series = pl.Series("x", written)
        np.testing.assert_allclose(prices.values(series), values)
        assert prices.lacks_unit(series) == ("1.2" in written)


@pytest.mark.parametrize("cell", ["80%", "$80", "USD 80", "80 cm", "1,5", "x"])
@pytest.mark.parametrize("unit", ["kg", "euros"])
def test_a_number_with_another_sign_is_no_number_in_the_unit(unit, cell):
    column = found(cells(lambda i: f"{i} {unit}"))
    for written in ([cell], [cell, cell], [f"5 {unit}", cell], ["5", cell]):
        with pytest.raises(
            cr.DataError, match=r"x holds '.*' in row \d, but that column holds numbers such as 1234\.5 "
        ):
            column.values(pl.Series("x", written))
    assert column.values(pl.Series("x", ["80", "-2.5", "0", f"3 {unit}"])).to_list() == [80, -2.5, 0, 3]


@pytest.mark.parametrize(
    ("make", "wrong"),
    [
        (lambda i: f"{4 + i % 6}'{i % 60:02d}\"", "4'12\""),
        (lambda i: f"{i} h {2 * i % 61} min", "30 h 60 min"),
        (lambda i: f"{i % 5} days {i} h", "4 days 24 h"),
        (lambda i: f"1 h {i} min {i} s", "1 h 60 min 60 s"),
        (lambda i: f"{i} years {1 + i % 12} months", "11 years 12 months"),
    ],
)
def test_a_sum_whose_smaller_part_makes_one_of_the_larger_is_none(make, wrong):
    column = found(cells(make, 100))
    assert repr(wrong) in column.reason
    assert (column.kind, column.unit) == ("ignored", "")
    assert column.reason.endswith("holds as much of a smaller unit as makes one of the larger")
    heights = found(["5'11\"", "6'2\"", "5'9"])
    with pytest.raises(cr.DataError, match=r"x holds .* in row 1, but"):
        heights.values(pl.Series("x", ["5'12\""]))


@pytest.mark.parametrize(
    ("written", "unit", "values"),
    [
        (["7y 10m", "1y 2m", "3y"], "months", [94, 14, 36]),
        (["3 yrs 4 m", "10 m", "2 years"], "months", [40, 10, 24]),
        (["5m", "7m", "2y"], "months", [5, 7, 24]),
        (["3y", "2y", "6m"], "years", [3, 2, 0.5]),
        (["3h 5m", "5m", "1h 7m"], "min", [185, 5, 67]),
    ],
)
def test_m_is_a_month_beside_years_and_a_minute_otherwise(written, unit, values):
    column = found(written)
    assert column.unit == unit
    np.testing.assert_allclose(column.values(pl.Series("x", written)), values)
    np.testing.assert_allclose(column.values(pl.Series("x", ["12m"])), [{"years": 1}.get(unit, 12)])


@pytest.mark.parametrize("units", [["m", "h", "h", "y"], ["m", "m", "y", "h"]])
def test_m_is_neither_where_hours_and_years_are_met(units):
    column = found(cells(lambda i: f"{i} {units[i % 4]}"))
    assert column.unit == ""
    assert column.reason.endswith(", where m may be minutes or months")


def test_a_number_without_a_unit_among_such_in_one_unit_is_taken_for_such_and_told():
    for bare in (["72"], ["72"] * 20, ["72", "73.5"]):
        values = [*cells(lambda i: f"{i} kg"), *bare]
        column = found(values)
        assert (column.kind, column.unit) == ("number", "kg")
        assert column.reason.endswith(", in kg, numbers without a unit taken for kg")
        assert column.values(pl.Series("x", values))[60] == 72
        assert found(values, role="number").reason == "as you said, in kg, numbers without a unit taken for kg"


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ([*cells(lambda i: f"{i} {['kg', 'g'][i % 2]}"), "72"], "'72' has no unit among numbers in "),
        ([*cells(lambda i: f"{i}'{i % 12}\""), "72"], "'72' has no unit among numbers in "),
        ([*cells(lambda i: f"${1 + i / 50:.2f}M"), "900000"], "'900000' has no unit among numbers in M: write it, or"),
    ],
)
def test_a_number_without_a_unit_is_named_where_nothing_tells_what_it_is_in(written, why):
    column = found(written)
    assert (column.kind, column.unit) == ("ignored", "")
    assert why in column.reason


@pytest.mark.parametrize(
    ("make", "cell", "value"),
    [
        (lambda i: f"${1 + i / 50:.2f}M", "1.2M", 1.2),
        (lambda i: f"${1 + i / 50:.2f}M", "900K", 0.9),
        (lambda i: f"{i}-{i + 10} km", "20-30", 25),
        (lambda i: f"{i}-{i + 10} km", "30", 30),
    ],
)
def test_what_lacks_a_unit_or_a_currency_is_taken_for_such(make, cell, value):
    column = found(cells(make))
    assert column.values(pl.Series("x", [cell])).to_list() == [pytest.approx(value)]
    assert column.lacks_unit(pl.Series("x", [make(1), cell]))
    assert not column.lacks_unit(pl.Series("x", [make(1), "0"]))
    with pytest.raises(cr.DataError, match="x holds"):
        column.values(pl.Series("x", [f"{cell} kg"]))


def test_what_the_sample_of_a_column_has_not_met_is_read():
    values = cells(lambda i: f"{i % 70} kg", 5000)
    values[4] = "500 g"
    column = found(values)
    assert column.values(pl.Series("x", ["500 g"])).to_list() == [0.5]


@pytest.mark.parametrize(
    "make",
    [
        lambda i: f"{50 + i % 40} kg",
        lambda i: f"{i % 12 + 1} h {i % 60} min",
        lambda i: f"{i}-{2 * i + 1}%",
        lambda i: f"${1 + i / 7:.2f}{'KM'[i % 2]}",
        lambda i: f"{i % 70 / 10:.1f} kg".replace(".", ","),
        lambda i: f"{'$€'[i % 2]}{i}",
        lambda i: "n/k" if i % 9 == 0 else f"{i} km",
    ],
)
def test_a_column_is_the_same_whole_and_in_chunks(tmp_path, monkeypatch, make):
    monkeypatch.setattr(chunks, "BYTES", 1000)
    path = str(tmp_path / "a.csv")
    pl.DataFrame({"x": cells(make, 300), "y": RANDOM.normal(size=300)}).write_csv(path, separator=";")
    whole, parts = (cr.read_table(path, "y", stream=stream) for stream in (False, True))
    assert len(parts.sample.chunks) > 3
    assert list(map(repr, whole.columns)) == list(map(repr, parts.columns))
    assert whole.checksum() == parts.checksum()


@pytest.mark.parametrize(
    "make",
    [
        lambda i: ["18-24", "25-34", "35-44"][i % 3],
        lambda i: f"{i % 50}-{60 + i % 41} %",
        lambda i: f"{50 + i % 40} kg" if i % 3 else f"{60_000 + i % 40} g",
        lambda i: ["Yes", "no", "yes"][i % 3],
        lambda i: f"${i % 50 + 1}.50",
        lambda i: f"{1 + i % 4} days",
        lambda i: "none" if i % 9 == 0 else f"{i % 70}.5 km",
    ],
)
def test_a_target_is_the_same_whole_and_in_chunks(tmp_path, monkeypatch, make):
    monkeypatch.setattr(chunks, "BYTES", 1000)
    path = str(tmp_path / "a.csv")
    pl.DataFrame({"x": RANDOM.normal(size=300), "y": cells(make, 300)}).write_csv(path)
    whole, parts = (cr.read_table(path, "y", stream=stream) for stream in (False, True))
    assert repr(whole.columns[1]) == repr(parts.columns[1])
    assert whole.target.labels == parts.target.labels
    assert np.array_equal(whole.numbers(whole.target), parts.numbers(parts.target))


def test_few_numbers_with_a_unit_to_predict_are_classes_as_they_are_written():
    frame = pl.DataFrame({"x": RANDOM.normal(size=40), "y": cells(lambda i: f"{1 + i % 4} days", 40)})
    assert cr.read_table(frame, "y").target.classes == ["1 days", "2 days", "3 days", "4 days"]
    assert cr.read_table(frame, "y", task="regression").target.task == "values"


def test_a_word_among_numbers_with_a_unit_to_predict_is_no_missing_value_unless_it_always_is():
    y = cells(lambda i: "none" if i % 9 == 0 else f"{i}.5 km", 90)
    column = found(y, role="target")
    assert (column.unit, column.markers) == ("km", ["none"])
    frame = pl.DataFrame({"x": RANDOM.normal(size=90), "y": [v.replace("none", "closed") for v in y]})
    with pytest.raises(cr.DataError, match=r"y in the table .* holds 'closed' among numbers"):
        cr.read_table(frame, "y").target  # noqa: B018


@pytest.mark.parametrize("name", ["address", "Street", "phone_number", "zip", "postal code"])
def test_what_is_called_an_address_is_no_quantity(name):
    assert found(cells(lambda i: f"{i} Main"), name).kind != "number"


def test_a_target_of_which_some_cells_lack_the_currency_says_so_and_what_to_do():
    cost = [f"{180 + 7 * i} €" if i % 9 else f"{1 + i / 100:.2f}k" for i in range(200)]
    frame = pl.DataFrame({"x": np.arange(200) % 17, "cost": cost})
    with pytest.raises(cr.DataError) as error:
        cr.read_table(frame, "cost")
    assert str(error.value) == (
        "cost in the table holds words, 200 different ones, and no values to predict: '1.00k' has no unit among "
        "numbers in €: write it, or leave such cells empty, or take all for values by --task regression."
    )
    values = cr.read_table(frame, "cost", task="regression")
    assert values.numbers(values.target)[[0, 1, 9]].tolist() == [1000, 187, 1090]
    written = frame.with_columns(pl.col("cost").str.replace("k", "k €"))
    assert cr.read_table(written, "cost").target.labels is None
