"""Units and what they are worth, by dimension. A word that is no unit is a counted noun.

Not covered: temperatures by conversion (degrees Celsius and Fahrenheit are dimensions of their
own), currencies by rate, the whole of SI.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache, reduce

from .nodes import Unit, words_of

__all__ = ["BARE_UNITS", "unit_of"]

Entry = tuple[str, int, "str | Fraction"]

_TABLE: dict[str, Entry] = {
    "m meter metre meters metres": ("length", 1, "1"),
    "km kilometer kilometre kilometers kilometres kms": ("length", 1, "1000"),
    "cm centimeter centimetre centimeters centimetres cms": ("length", 1, "1/100"),
    "mm millimeter millimetre millimeters millimetres": ("length", 1, "1/1000"),
    "dm decimeter decimeters": ("length", 1, "1/10"),
    "µm um micrometer micrometers micron microns": ("length", 1, "1/1000000"),
    "nm nanometer nanometers": ("length", 1, "1/1000000000"),
    "in inch inches": ("length", 1, "127/5000"),
    "ft foot feet": ("length", 1, "381/1250"),
    "yd yard yards yds": ("length", 1, "1143/1250"),
    "mi mile miles": ("length", 1, "201168/125"),
    "kg kilogram kilograms kgs": ("mass", 1, "1"),
    "g gram grams gm": ("mass", 1, "1/1000"),
    "mg milligram milligrams": ("mass", 1, "1/1000000"),
    "lb lbs pound pounds": ("mass", 1, "45359237/100000000"),
    "oz ounce ounces": ("mass", 1, "45359237/1600000000"),
    "ton tons": ("ton", 1, "1"),
    "tonne tonnes": ("mass", 1, "1000"),
    "s sec secs second seconds": ("time", 1, "1"),
    "ms millisecond milliseconds": ("time", 1, "1/1000"),
    "min mins minute minutes": ("time", 1, "60"),
    "h hr hrs hour hours": ("time", 1, "3600"),
    "day days": ("time", 1, "86400"),
    "week weeks": ("time", 1, "604800"),
    "month months": ("month", 1, "1"),
    "yr yrs year years": ("month", 1, "12"),
    "l litre liter litres liters": ("length", 3, "1/1000"),
    "ml milliliter millilitre milliliters millilitres": ("length", 3, "1/1000000"),
    "cl centiliter centiliters": ("length", 3, "1/100000"),
    "cc": ("length", 3, "1/1000000"),
    "gal gallon gallons": ("gallon", 1, "1"),
    "qt quart quarts": ("gallon", 1, "1/4"),
    "pt pint pints": ("gallon", 1, "1/8"),
    "cup cups": ("gallon", 1, "1/16"),
    "ha hectare hectares": ("length", 2, "10000"),
    "acre acres": ("length", 2, "316160658/78125"),
    "$ dollar dollars usd bucks": ("dollar", 1, "1"),
    "¢ cent cents": ("dollar", 1, "1/100"),
    "€ euro euros eur": ("euro", 1, "1"),
    "£ gbp": ("pound", 1, "1"),
    "¥ yen yuan rmb": ("yen", 1, "1"),
    "₹ rupee rupees rs": ("rupee", 1, "1"),
    "rad rads radian radians": ("", 0, "1"),
    "°c celsius degrees_celsius": ("celsius", 1, "1"),
    "°f fahrenheit degrees_fahrenheit": ("fahrenheit", 1, "1"),
    "k kelvin": ("kelvin", 1, "1"),
    "dozen dozens": ("", 0, "12"),
}
_COMPOUND: dict[str, tuple[tuple[tuple[str, int], ...], Fraction]] = {
    "mph": ((("length", 1), ("time", -1)), Fraction(201168, 125 * 3600)),
    "kph kmh kmph": ((("length", 1), ("time", -1)), Fraction(1000, 3600)),
    "n newton newtons": ((("length", 1), ("mass", 1), ("time", -2)), Fraction(1)),
    "j joule joules": ((("length", 2), ("mass", 1), ("time", -2)), Fraction(1)),
    "kj kilojoule kilojoules": ((("length", 2), ("mass", 1), ("time", -2)), Fraction(1000)),
    "w watt watts": ((("length", 2), ("mass", 1), ("time", -3)), Fraction(1)),
    "kw kilowatt kilowatts": ((("length", 2), ("mass", 1), ("time", -3)), Fraction(1000)),
    "pa pascal pascals": ((("length", -1), ("mass", 1), ("time", -2)), Fraction(1)),
    "kn kilonewton kilonewtons": ((("length", 1), ("mass", 1), ("time", -2)), Fraction(1000)),
    "kwh": ((("length", 2), ("mass", 1), ("time", -2)), Fraction(3_600_000)),
    "mwh": ((("length", 2), ("mass", 1), ("time", -2)), Fraction(3_600_000_000)),
    "mpa megapascal megapascals": ((("length", -1), ("mass", 1), ("time", -2)), Fraction(10**6)),
    "kpa kilopascal kilopascals": ((("length", -1), ("mass", 1), ("time", -2)), Fraction(1000)),
    "mj megajoule megajoules": ((("length", 2), ("mass", 1), ("time", -2)), Fraction(10**6)),
    "hz hertz": ((("time", -1),), Fraction(1)),
    "khz kilohertz": ((("time", -1),), Fraction(1000)),
}
_UNITS: dict[str, Unit] = {}
for _words, (_dim, _power, _factor) in _TABLE.items():
    for _word in _words.split():
        _UNITS[_word] = Unit(_word, Fraction(_factor), ((_dim, _power),) if _dim else ())
for _words, (_dims, _worth) in _COMPOUND.items():
    for _word in _words.split():
        _UNITS[_word] = Unit(_word, _worth, _dims)

BARE_UNITS = frozenset(word for word in _UNITS if len(word) > 1 and word.isalpha()) - {
    "in", "min", "pt", "rs", "ha", "ms", "pa", "k", "cc",
}  # fmt: skip
"""Read as units in plain text after a number, without ``\\text``."""
_NOUN = re.compile(r"[^\W\d_][\w'’-]{0,30}(?: [^\W\d_][\w'’-]{0,30}){0,5}")
_NOT_NOUNS = words_of(
    "or nor either and if then else when where for otherwise is are not no all any plus "
    "minus times over mod base percent squared cubed factorial million millions billion "
    "billions thousand thousands hundred hundreds half third quarter trillion with since "
    "because as approximately about at least most than more less to of by from the a an so "
    "it its we he she that this which hence therefore thus answer answers final print import "
    "eval exec nor but pm am times double twice triple"
)


@lru_cache(maxsize=1024)
def unit_of(words: str) -> Unit | None:
    """The unit or noun that words name; None for words that change what a number means."""
    words = _TIMES.sub(" ", words.replace("{", "").replace("}", ""))
    words = " ".join(words.split()).strip(" .,").replace("degrees ", "degrees_")
    words = words.replace(" ^", "^")
    parts = re.split(r" ?/ ?| per ", words)
    if len(parts) in (2, 3):
        found = [_powered(part) for part in parts]
        known = [unit for unit in found if unit is not None]
        if len(known) < len(found):
            return None
        unit = known[0]
        for below in known[1:]:
            unit = _times(unit, below, -1)
        return unit
    return _powered(words)


_TIMES = re.compile(r"\\?cdot|·")
_SIGNED = re.compile(r"(.{1,20}?)\^(-?\d)")


def _times(one: Unit, other: Unit, power: int) -> Unit:
    dims = dict(one.dims)
    for dim, count in other.dims:
        dims[dim] = dims.get(dim, 0) + count * power
    kept = tuple(sorted((dim, count) for dim, count in dims.items() if count))
    return Unit(f"{one.word} {other.word}^{power}", one.factor * other.factor**power, kept)


_POWERS = {"square ": 2, "sq ": 2, "sq. ": 2, "cubic ": 3, "cu ": 3}
_AFTER = {" squared": 2, "^2": 2, " cubed": 3, "^3": 3}


def _powered(words: str) -> Unit | None:
    for marks, cut in ((_POWERS, str.removeprefix), (_AFTER, str.removesuffix)):
        for mark, power in marks.items():
            rest = cut(words, mark)
            if rest != words:
                unit = _single(rest)
                return (
                    None
                    if unit is None or _is_noun(unit)
                    else _times(Unit("", Fraction(1), ()), unit, power)
                )
    factors = words.split(" ")
    if len(factors) in (2, 3) and "^" in words:  # m s^-2
        found = [_powered(factor) for factor in factors]
        known = [unit for unit in found if unit is not None and not _is_noun(unit)]
        if len(known) < len(factors):
            return None
        return reduce(lambda one, other: _times(one, other, 1), known)
    if (match := _SIGNED.fullmatch(words)) is not None:
        unit = _single(match[1])
        if unit is None or _is_noun(unit):
            return None
        return _times(Unit("", Fraction(1), ()), unit, int(match[2]))
    return _single(words)


def _is_noun(unit: Unit) -> bool:
    return bool(unit.dims) and unit.dims[0][0].startswith("noun")


def _single(words: str) -> Unit | None:
    known = _UNITS.get(words) or _UNITS.get(words.casefold())
    if known is not None and not (len(words) == 1 and words.isupper() and words not in "LNJWK"):
        return known
    if not _NOUN.fullmatch(words) or not _NOT_NOUNS.isdisjoint(words.casefold().split()):
        return None
    noun = words.casefold()
    noun = noun[:-1] if noun.endswith("s") and not noun.endswith("ss") else noun
    return Unit(noun, Fraction(1), ((f"noun {noun}", 1),))
