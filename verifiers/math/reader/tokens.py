"""Cut an answer into tokens: one pass of one pattern, without any evaluation.

Numbers are read here, into ``int`` or ``Fraction``: grouped digits, decimals, repeating decimals,
exponents, numbers in another base. In brackets a comma always separates: ``(1,234)`` is a pair.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import NoReturn

from ..normalise import plain_characters
from .nodes import Num, Unreadable, words_of

__all__ = ["FUNCTIONS", "MAX_TOKENS", "OPERATORS", "Token", "tokens_of"]

MAX_TOKENS = 6000
MAX_DIGITS = 4000
"""Digits of one number."""


def _english(char: str) -> str:
    """``theta`` of a Greek letter, ``Theta`` of its capital."""
    _, size, _, name, *_ = [*unicodedata.name(char, "").split(), "", "", "", ""]
    return name.casefold() if size == "SMALL" else name.capitalize()


FUNCTIONS = words_of(
    "sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan arccot arcsec arccsc "
    "asin acos atan arsinh arcosh artanh arcsinh arccosh arctanh ln log lg exp sqrt cbrt abs "
    "floor ceil sgn sign sech csch acot asec acsc asinh acosh atanh acoth asech acsch "
    "arccoth arcsech arccsch arsech arcsch arcoth cosec cosech nCr nPr binom binomial "
    "ceiling Abs sgn gcd lcm max min Re Im det arg arccosec nthroot"
)
GREEK = words_of(
    "\\alpha \\beta \\gamma \\delta \\epsilon \\varepsilon \\zeta \\eta \\theta \\vartheta "
    "\\iota \\kappa \\lambda \\mu \\nu \\xi \\rho \\sigma \\tau \\upsilon \\phi \\varphi "
    "\\chi \\psi \\omega \\Gamma \\Delta \\Theta \\Lambda \\Xi \\Pi \\Sigma \\Phi \\Psi "
    "\\Omega \\ell"
)
PLAIN_GREEK = frozenset(name[1:] for name in GREEK if len(name) > 3 and "var" not in name) - {
    "ell"
} | {"mu", "nu"}
"""Written out in plain text; shorter names would be products (``xi``)."""
_GREEK_LETTERS = {
    char: f"\\{name} "
    for code in range(0x391, 0x3CA)
    if (char := chr(code)).isalpha() and f"\\{(name := _english(char))}" in GREEK
}

OPERATORS = words_of("tg ctg arctg arcctg sh ch th cth")
"""Names of functions only as operators: elsewhere they are letters or endings (``4th``)."""
_WORDS = frozenset(("pi", "infinity", "infty", "inf", "oo", "and", "or", "U", "mod",
                    "sum"))  # fmt: skip


@dataclass(slots=True)
class Token:
    kind: str
    """``num``, ``name``, ``command``, ``text``, ``op``, ``end``."""
    text: str
    number: Num | None = None
    gap: bool = False
    """Whether a blank stands before it."""


_PATTERN = re.compile(
    r"(?P<text>\\(?:text|textbf|textit|textrm|mathrm|mathbf|mathit|mathsf|mathcal|mbox|hbox"
    r"|boldsymbol|operatorname\*?|emph|bm|textnormal|mathtt|texttt)\s*\{(?P<inside>[^{}]{0,200}"
    r"(?:\{[^{}]{0,20}\}[^{}]{0,60}){0,3})\})"
    r"|(?P<skip>\s+|\\[,;:! ]|~|\\q?quad|\\(?:displaystyle|textstyle|limits|nolimits|thinspace|rm"
    r"|bf|noindent|,|hfill)(?![A-Za-z])|\\(?:left|right)\s*\.(?!\d)"
    r"|\\hspace\*?\s*\{[^{}]{0,20}\}|\\[vh]phantom\s*\{[^{}]{0,20}\})"
    r"|(?P<bar>\\(?:left|right|[bB]igg?[lr]?|middle)\s*\\?\|)"
    r"|(?P<size>\\(?:left|right|[bB]igg?[lr]?|middle)(?![A-Za-z]))"
    r"|(?P<repeat>\d*\.\d*(?:\\(?:overline|bar|dot)\s*\{?\d+\}?|\(\d+\)))"
    r"|(?P<based>[0-9][0-9A-F]*_(?:\{\s*(?:\\text\s*\{)?\s*\d{1,2}\s*\}?\s*\}|\d{1,2}(?!\d)))"
    r"|(?P<number>(?:\d{1,3}(?:(?:\{,\}|,\\!\s?|\\[,;:! ]|\s)\d{3})+(?!\d)|\d+)(?:\.\d+)?"
    r"(?:[eE][+-]?\d{1,4}(?![\w.]))?|\.\d+(?:[eE][+-]?\d{1,4}(?![\w.]))?)"
    r"|(?P<command>\\[A-Za-z]+\*?|\\[{}%$|\\#&])"
    r"|(?P<word>[^\W\d_]+)"
    r"|(?P<op><=|>=|!=|<>|==|=>|->|\*\*|\.{3}|[-+*/^_=<>!,;:|()\[\]{}%$'&°.…?\"`€£¥₹¢])"
)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?![\d])(?!,\d)(?:\.\d+)?")
_OPENS, _CLOSES = frozenset(("(", "[", "\\{")), frozenset((")", "]", "\\}"))
_SUPERSCRIPT = re.compile("[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_PLAIN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_SYMBOLS = str.maketrans(
    _GREEK_LETTERS
    | {"µ": "\\mu ", "λ": "\\lambda ", "Λ": "\\Lambda ", "ϕ": "\\phi ", "ϵ": "\\epsilon ",
       "√": " sqrt ", "∈": "\\in ", "≈": "\\approx ", "ℝ": "\\mathbb{R}", "⌊": "\\lfloor ",
     "⌋": "\\rfloor ", "⌈": "\\lceil ", "⌉": "\\rceil ", "∓": "\\mp ", "→": "\\to ", "º": "°",
     "˚": "°", "′": "'", "″": "''", "⟨": "\\langle ", "⟩": "\\rangle ", "∣": "|", "∑": "\\sum ",
     "∫": "\\int ", "∖": "\\setminus ", "、": ",", "，": ",", "；": ";", "：": ":", "∛": "\\cbrt ",
     "│": "|", "∧": "\\land ", "∨": "\\lor ", "¼": "\\frac{1}{4}", "¾": "\\frac{3}{4}",
     "½": "\\frac{1}{2}", "⩽": "\\le ", "⩾": "\\ge ", "＜": "<", "＞": ">"}
)  # fmt: skip


def _superscript(match: re.Match[str]) -> str:
    return "^{" + match.group().translate(_PLAIN) + "}"


def tokens_of(text: str) -> list[Token]:
    """The tokens of a text, with an ``end`` token. Raises ``Unreadable``."""
    if not text.isascii():
        text = plain_characters(_SUPERSCRIPT.sub(_superscript, text)).translate(_SYMBOLS)
    tokens: list[Token] = []
    place, depth, gap = 0, 0, False
    while place < len(text):
        match = _PATTERN.match(text, place)
        if match is None:
            raise Unreadable(f"the character {text[place]!r}")
        kind, piece = match.lastgroup or "", match.group()
        if kind == "text":
            named = piece.startswith("\\operatorname") and match.group("inside") in OPERATORS
            kind, piece = ("command", "\\" if named else "") if named else (kind, "")
            piece += match.group("inside")
        if kind == "number" and depth == 0 and (grouped := _GROUPED.match(text, place)):
            match, piece = grouped, grouped.group()
        place = match.end()
        if kind == "skip":
            gap = True
            continue
        if kind == "size":
            continue
        _add(tokens, kind, piece, gap)
        depth += (piece in _OPENS) - (piece in _CLOSES)
        gap = False
        if len(tokens) > MAX_TOKENS:
            raise Unreadable(f"more than {MAX_TOKENS} tokens")
    tokens.append(Token("end", ""))
    return tokens


def _add(tokens: list[Token], kind: str, piece: str, gap: bool) -> None:
    if kind in ("number", "repeat", "based"):
        tokens.append(Token("num", piece, _NUMBERS[kind](piece), gap))
    elif kind == "word":
        tokens.extend(_word(piece, gap, after_number=bool(tokens) and tokens[-1].kind == "num"))
    elif kind == "bar":
        tokens.append(Token("op", "|(" if "l" in piece[1:5] and "right" not in piece else "|)"))
    elif kind == "text":
        tokens.extend(_text(piece, gap))
    elif piece == "≈":
        tokens.append(Token("command", "\\approx", None, gap))
    elif piece in ("\\colon", "\\angle", "\\measuredangle"):
        if piece == "\\colon":
            tokens.append(Token("op", ":", None, gap))
    elif kind == "op" and piece == "**":
        tokens.append(Token("op", "^", None, gap))
    else:
        tokens.append(Token(kind, piece, None, gap))


def _text(inside: str, gap: bool) -> list[Token]:
    words = inside.replace("~", " ").replace("\\", "").replace("$", "").strip(" ,;")
    if (words in FUNCTIONS and words not in ("min", "sec")) or words.casefold() in (
        "and",
        "or",
        "i",
        "e",
        "pi",
        "infinity",
    ):
        return [Token("name", words if words in FUNCTIONS else words.casefold(), None, gap)]
    if words.casefold() in _DEGREES:
        return [Token("op", "°", None, gap)]
    if len(words) == 1 and words.isalpha() and words not in "msghLlNJWK":
        return [Token("name", words, None, gap)]
    return [Token("text", words, None, gap)] if words else []


def _word(word: str, gap: bool, *, after_number: bool) -> list[Token]:
    from .units import BARE_UNITS

    if len(word) == 1 or word in FUNCTIONS or word in _WORDS or word in PLAIN_GREEK:
        return [Token("name", word, None, gap)]
    low = word.casefold()
    if low in _DEGREES:
        return [Token("op", "°", None, gap)]
    if after_number and (word in BARE_UNITS or (gap and low in BARE_UNITS | {"in", "min"})):
        return [Token("text", word, None, gap)]
    for size in (6, 5, 4, 3, 2):
        head, rest = word[:size], word[size:]
        if head in FUNCTIONS - {"Re", "Im", "arg", "max", "min"} and len(rest) == 1:
            return [Token("name", head, None, gap), Token("name", rest)]
    if "pi" in word and len(word) <= 4:
        head, _, rest = word.partition("pi")
        names = [*head, "pi", *rest]
    elif (
        (len(word) <= 3 or (len(word) == 4 and not set(low) & set("aeiou")))
        and word.isascii()
        and (low not in _ENGLISH or word.isupper())
    ):
        names = list(word)
    else:
        return [Token("text", word, None, gap)]
    return [Token("name", name, None, gap and not n) for n, name in enumerate(names)]


def _is_letters(word: str) -> bool:
    """Whether a short word is a product of letters, as in ``3xy``."""
    if not word.isascii() or (word.casefold() in _ENGLISH and not word.isupper()):
        return False
    return len(word) <= 3 or (len(word) == 4 and not set(word.casefold()) & set("aeiou"))


_DEGREES = frozenset(("degree", "degrees", "deg"))
_ENGLISH = words_of(
    "pct sign yes no odd even all any the is are not if for per of to on at by so it in as "
    "dne cat red day one two six ten max min now men we us he she am pm how why who its way "
    "set"
)


def _plain(piece: str) -> Num:
    digits = re.sub(r"\{,\}|\\.|[\s,!]", "", piece)
    if len(digits) > MAX_DIGITS:
        _too_long()
    mantissa, _, power = digits.lower().partition("e")
    whole, point, part = mantissa.partition(".")
    number: int | Fraction = int(whole + part or "0")
    if part or power:
        if abs(int(power or 0)) + len(digits) > MAX_DIGITS:
            _too_long()
        number = Fraction(number) * Fraction(10) ** (int(power or 0) - len(part))
    if not point:
        return Num(number)
    return Num(number, len((whole + part).lstrip("0")) or 1, len(part))


def _too_long() -> NoReturn:
    raise Unreadable(f"a number of more than {MAX_DIGITS} digits")


def _repeating(piece: str) -> Num:
    whole, _, rest = piece.partition(".")
    fixed = re.match(r"\d*", rest)
    once = fixed.group() if fixed else ""
    again = re.sub(r"\D", "", rest[len(once) :])
    if len(piece) > MAX_DIGITS:
        _too_long()
    shift = 10 ** len(once)
    value = Fraction(int((whole or "0") + once), shift)
    return Num(value + Fraction(int(again), shift * (10 ** len(again) - 1)))


def _based(piece: str) -> Num:
    digits, _, base = piece.partition("_")
    if len(digits) > MAX_DIGITS:
        _too_long()
    try:
        return Num(int(digits, int(re.sub(r"\D", "", base))))
    except ValueError:
        raise Unreadable(f"a number in a base it does not fit: {piece[:20]}") from None


_NUMBERS = {"number": _plain, "repeat": _repeating, "based": _based}
