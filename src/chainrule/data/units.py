"""Units of measure: what they are called, what they measure, and how one is converted into another."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Unit:
    """A unit: value · factor + zero is the same in the unit that its dimension is counted in.

    Attributes:
        name: as it is told. dimension: what it measures.
    """

    name: str
    dimension: str
    factor: float
    zero: float = 0.0


_TABLE = """
length: um µm μm 1e-6, mm millimeter millimetre 1e-3, cm centimeter centimetre 1e-2, dm 0.1, m meter metre 1
length: km kilometer kilometre 1e3, inches inch in " ″ ” '' 0.0254, feet foot ft ' ′ ’ 0.3048, yards yard yd 0.9144
length: miles mile mi 1609.344
mass: µg ug mcg μg 1e-9, mg milligram 1e-6, g gram gr 1e-3, kg kilogram kilo kilogramme 1, t tonne 1e3
mass: lb pound 0.45359237, oz ounce 0.028349523125, stone st 6.35029318
duration: ms millisecond msec 1e-3, s second sec 1, min minute m 60, h hour hr 3600, days day d 86400
duration: weeks week wk w 604800, months month mo mth 2629746, years year yr y yo 31556952
number: thousand k K tsd 1e3, million M m mn mm mio mil mill 1e6, billion B b bn mrd bil 1e9, trillion 1e12
number: lakh lac 1e5, crore cr 1e7
area: mm² mm2 sqmm 1e-6, cm² cm2 sqcm 1e-4, m² m2 sqm squaremeter squaremetre 1, km² km2 sqkm 1e6
area: ha hectare 1e4, ft² ft2 sqft squarefeet squarefoot sf 0.09290304, acres acre 4046.8564224
volume: ml milliliter millilitre cc 1e-3, cl 1e-2, dl 0.1, L l liter litre ltr 1, m³ m3 1e3
data: bytes byte B 1, kB KB kilobyte 1e3, MB megabyte 1e6, GB gigabyte 1e9, TB terabyte 1e12
data: KiB 1024, MiB 1048576, GiB 1073741824, TiB 1099511627776
data rate: kbit/s kbps 1e3, Mbit/s Mbps 1e6, Gbit/s Gbps 1e9
frequency: Hz hertz 1, kHz 1e3, MHz 1e6, GHz 1e9
power: mW 1e-3, W watt 1, kW kilowatt 1e3, MW megawatt 1e6, GW 1e9
energy: Wh 1, kWh 1e3, MWh 1e6, GWh 1e9
food energy: cal 1, kcal 1e3
joules: J 1, kJ 1e3, MJ 1e6
voltage: mV 1e-3, V volt 1, kV 1e3
current: mA 1e-3, ampere amp 1
charge: mAh 1e-3, Ah 1
pressure: Pa 1, hPa mbar 100, kPa 1e3, MPa 1e6, bar 1e5, psi 6894.757293168
speed: m/s mps 1, km/h kmh kph kmph kmhr 0.277777777777777778, mph mi/h 0.44704, knots knot kn kt 0.514444444444444444
temperature: K 1, °C ℃ degc celsius 1, °F ℉ degf fahrenheit 0.555555555555555556
consumption: kmpl kpl km/l 1, mpg 0.425143707
consumption by mass: km/kg 1
times: x × X 1
percent: % percent pct 1, ‰ 0.1
angle: ° deg degree 1
"""
"""Each line has a dimension and units of it: the name that is told, what else it is called, and its factor.

A month is a twelfth of a year, which has 365.2425 days in the mean of the 400 years of the calendar's cycle.
"""

_ZEROS = {"°C": 273.15, "°F": 459.67 * 5 / 9}

NUMBER, _WORD = "number", "word "
"""The dimension of numbers such as 1.2k, and of money; and how that of things that are counted begins."""

_SIGNS = ("$", "€", "£", "¥", "₹", "₩", "₽", "₺", "₪")

_CODES = [
    "USD",
    "EUR",
    "GBP",
    "JPY",
    "CHF",
    "INR",
    "CAD",
    "AUD",
    "NZD",
    "CNY",
    "SEK",
    "NOK",
    "DKK",
    "PLN",
    "BRL",
    "MXN",
]

_SPOKEN = {"Rs": "₹", "Rs.": "₹", "US$": "$", "dollars": "$", "dollar": "$", "euros": "€", "euro": "€"}

CURRENCIES = {**{name: name for name in (*_SIGNS, *_CODES)}, **_SPOKEN}

_NO_UNITS = {"am", "pm", "to", "and", "or", "of", "st", "nd", "rd", "th", "ad", "bc", "ce"}
"""Words after a number that say something else, unless they are in the table above."""


def _units() -> dict[str, list[Unit]]:
    """The units that a word may stand for, the likeliest first."""
    found: dict[str, list[Unit]] = {}
    for line in _TABLE.strip().splitlines():
        dimension, entries = line.split(": ")
        for entry in entries.split(", "):
            *words, factor = entry.split()
            unit = Unit(words[0], dimension, float(factor), _ZEROS.get(words[0], 0.0))
            for word in words:
                found.setdefault(word, []).append(unit)
    return found


_UNITS = _units()

NAMED = {unit.name: unit for units in _UNITS.values() for unit in units}

_ONE = Unit("", NUMBER, 1.0)


def dimension_of(words: Iterable[str], asked: str | None = None) -> str | None:
    """What all these words may measure, the likeliest if there is more; None where there is nothing.

    Args:
        asked: what they must measure.
    """
    found = [{unit.dimension for unit in candidates(word)} for word in words]
    if not found:
        return asked or NUMBER
    common = set.intersection(*found)
    if asked is not None:
        return asked if asked in common else None
    likely = [unit.dimension for word in words for unit in candidates(word) if unit.dimension in common]
    if likely:
        return likely[0]
    singular = {_singular(word) for word in words}
    alone = len(singular) == 1 and not any(found)
    return (
        f"{_WORD}{singular.pop()}" if alone and all(len(w) > 1 and w.lower() not in _NO_UNITS for w in words) else None
    )


def unit_for(dimension: str, word: str | None, *, months: bool = False) -> Unit | None:
    """The unit of that dimension that a word stands for; of numbers, 1 where there is none.

    Args:
        months: whether m is a month, as it is beside years, and no minute.
    """
    if word is None:
        return _ONE if dimension == NUMBER else None
    if months and dimension == "duration" and candidates(word) == _UNITS["m"]:
        return NAMED["months"]
    if dimension.startswith(_WORD):
        return Unit(word, dimension, 1.0) if dimension == _WORD + _singular(word) else None
    return next((unit for unit in candidates(word) if unit.dimension == dimension), None)


@functools.cache
def candidates(word: str) -> list[Unit]:
    """The units that a word may stand for: in capitals or not, in the plural or not, as long as it tells them apart."""
    plain = re.sub(r"[\s.]", "", word)
    for spelled in (plain, plain[:-1] if plain[-1:] == "s" and len(plain) > 2 else plain):
        if spelled in _UNITS:
            return _UNITS[spelled]
        alike = [unit for name, units in _UNITS.items() if name.lower() == spelled.lower() for unit in units]
        if (
            len(spelled) > 1
            and alike
            and len({(u.dimension, u.factor) for u in alike}) == len({u.dimension for u in alike})
        ):
            return alike
    return []


def _singular(word: str) -> str:
    """A word for things that are counted, as there is one of them."""
    word = word.lower().rstrip(".")
    for end, one in (("ies", "y"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"), ("s", "")):
        if word.endswith(end) and len(word) > len(end) + 2 and not word.endswith("ss"):
            return word.removesuffix(end) + one
    return word


def unit_called(name: str) -> tuple[Unit, str]:
    """The unit of that name, such as "kg" or "million $", and its currency, or ""."""
    *scale, last = name.split(" ")
    if last in CURRENCIES and len(scale) < 2:
        unit = unit_for(NUMBER, scale[0] if scale else None)
        return unit or _ONE, last
    if name in NAMED and NAMED[name].dimension != NUMBER:
        return NAMED[name], ""
    return (Unit(name, _WORD + _singular(name), 1.0) if name else _ONE), ""
