"""Hostile answers that code writes better than a table: towers, nests, floods, odd characters.

Every case names the ground truth it is graded against. None may hang, crash or raise; most are
wrong, and the few right ones show that size alone is no reason to refuse. Not covered: payloads
that try to execute; see the category ``injection`` of the tables.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from .cases import Case

__all__ = ["hostile"]


@cache
def hostile() -> tuple[Case, ...]:
    """Every hostile case, in a fixed order."""
    made = [
        *_towers(),
        *_big_numbers(),
        *_nests(),
        *_floods(),
        *_characters(),
        *_structures(),
        *_boxes(),
        *_operations(),
    ]
    return tuple(made)


def _wrong(category: str, gold: str, *answers: str) -> Iterator[Case]:
    for answer in answers:
        yield Case(category=category, gold=gold, answer=answer, right=False)


def _responses(category: str, gold: str, *answers: str, right: bool = False) -> Iterator[Case]:
    for answer in answers:
        yield Case(category=category, gold=gold, answer=answer, right=right, is_response=True)


def _towers() -> Iterator[Case]:
    for base in ("2", "9", "10", "x", "1.0000001", "-3", "i"):
        for height in (4, 8, 40):
            tower = "^{".join([base] * height) + "}" * (height - 1)
            yield from _wrong("tower", "7", tower, f"-{tower}", f"\\frac{{1}}{{{tower}}}")
    yield from _wrong(
        "tower",
        "5",
        "9^9^9^9^9",
        "9**9**9**9",
        "(((9^9)^9)^9)^9",
        "10^{10^{10}}",
        "(1+10^{-9})^{10^{12}}",
        "2^{2^{100}}-2^{2^{100}}+1",
        "(x+y+z+1)^{100000}",
        "(x+1)^{10^9}-(x+1)^{10^9}",
        "\\sqrt[10^{9}]{2}",
        "e^{e^{e^{e^{e}}}}",
        "x^{x^{x^{x^x}}}",
        "7^{7^{7^7}} \\bmod 10",
    )


def _big_numbers() -> Iterator[Case]:
    yield from _wrong("big number", "1", "9" * 5_000, "1" + "0" * 100_000, "0." + "3" * 50_000)
    yield from _wrong("big number", "0", "1e999999999", "1e-999999999", "10^{-999999999}", "1e309")
    yield from _wrong("big number", "120", "100000!", "99999999999!", "((5!)!)!", "5!!!!!!!!!!!!")
    yield from _wrong(
        "big number",
        "10",
        "\\binom{10^9}{5\\cdot10^8}",
        "\\binom{100000}{50000}",
        "\\binom{10^{18}}{3}",
        "\\gamma(10^9)",
        "\\Gamma(10^{10})",
        "\\frac{10^{100000}}{10^{99998}}",
        "123456789" * 3_000 + "/" + "987654321" * 3_000,
        "\\log_{1.0000000001}(10^{300})",
        "999999999999999999999999^{999999999999}",
        "\\lfloor 10^{10^7}\\rfloor",
        "0x" + "f" * 10_000,
        "1" + ",000" * 20_000,
        "1/" * 5_000 + "1",
    )


_PAIRS = (
    ("(", ")"),
    ("{", "}"),
    ("[", "]"),
    ("\\{", "\\}"),
    ("\\left(", "\\right)"),
    ("\\sqrt{", "}"),
    ("\\frac{1}{", "}"),
    ("|", "|"),
    ("\\text{", "}"),
    ("\\boxed{", "}"),
    ("-(", ")"),
    ("\\sin(", ")"),
    ("x^{", "}"),
    ("a_{", "}"),
    ("\\begin{pmatrix}", "\\end{pmatrix}"),
)


def _nests() -> Iterator[Case]:
    for opening, closing in _PAIRS:
        for depth in (200, 5_000):
            yield from _wrong("nest", "12", opening * depth + "1" + closing * depth)
        yield from _wrong("nest", "12", opening * 3_000, closing * 3_000, opening * 500 + "13")


def _floods() -> Iterator[Case]:
    for mark in ("1", "-", "+", "(", "\\", "$", "^", "_", "/", ",", ".", " ", "x", "\\frac", "{}"):
        yield from _wrong("flood", "31", mark * 30_000)
    for mark in ("%", "°", "\\,", "!", "'", "=", "<", "&", "\\\\", ":", "∞", "½", "√", "or "):
        yield from _wrong("flood", "31", mark * 10_000, "3" + mark * 2_000 + "2")
    words = "the answer is " * 20_000
    yield from _responses("flood", "31", words, words + "30", "answer " * 50_000, "\n" * 300_000)
    yield from _responses("flood", "31", "a" * 1_000_000, "1 " * 300_000, "$" * 200_001)
    yield from _responses("flood", "31", words + "\\boxed{31}", right=True)
    yield from _responses("flood", "31", "\n" * 200_000 + "\\boxed{31}", right=True)
    yield from _responses("flood", "31", "1+1=2. " * 50_000 + "The answer is 31.", right=True)


_ODD = (
    "\x00",
    "\x07",
    "\x1b[31m",
    "\ud800",
    "\udfff",
    "\u202e",
    "\u2066",
    "\u200b",
    "\ufeff",
    "\U000e0041",
    "\uffff",
    "\u0301",
    "\u2028",
    "\x85",
    "\ufffd",
)


def _characters() -> Iterator[Case]:
    for mark in _ODD:
        yield from _wrong("characters", "8", mark, mark * 5_000, f"1{mark}8{mark}1", f"{mark}9")
    yield from _wrong("characters", "8", "Ⅷ+1", "८०", "٨٠", "㊇", "八十", "⁸₈", "𝟠𝟠", "８８")
    yield from _wrong("characters", "a", "а", "ɑ", "ａb", "𝒶𝒷", "∂")
    yield from _wrong("characters", "\\text{Yes}", "Y\u200bn", "\u202eseY", "ＹＥＳＮＯ")
    zalgo = "8" + "\u0300\u0301\u0302" * 3_000 + "9"
    yield from _wrong("characters", "8", zalgo)


def _structures() -> Iterator[Case]:
    many = ",".join(map(str, range(3_000)))
    yield from _wrong("structure", "3", many, f"\\{{{many}\\}}", f"({many})", f"[{many}]")
    yield from _wrong("structure", "1,2,3", many, "1,2,3," * 2_000, "\\pm1" * 2_000)
    powers = "+".join(f"x^{{{n}}}" for n in range(2_000))
    names = "+".join(f"x_{{{n}}}" for n in range(2_000))
    yield from _wrong("structure", "x+1", powers, names, powers.replace("+", "-"), f"({powers})^9")
    product = "".join(f"(x-{n})" for n in range(400))
    yield from _wrong("structure", "x^2-1", product, f"\\frac{{1}}{{{product}}}", product + "=0")
    cells = " \\\\ ".join("&".join("1" * 60) for _ in range(60))
    matrix = f"\\begin{{pmatrix}}{cells}\\end{{pmatrix}}"
    yield from _wrong("structure", "1", matrix, f"\\det{matrix}", f"{matrix}^{{-1}}", f"e^{matrix}")
    union = "\\cup".join(f"({n},{n + 1})" for n in range(1_500))
    yield from _wrong("structure", "(0,1)", union, union.replace("\\cup", "\\cap"))
    chain = "<".join(["x"] * 3_000)
    yield from _wrong("structure", "x>2", chain, "=".join(["x"] * 3_000), "1<" * 3_000 + "x")
    choices = "\\pm".join("12345678" * 4)
    yield from _wrong(
        "structure", "\\pm1", choices, "\\pm" * 40 + "1", "\\pm(" * 40 + "1" + ")" * 40
    )
    radicals = "+".join(f"\\sqrt{{{n}}}" for n in range(2, 300))
    yield from _wrong("structure", "\\sqrt{2}", radicals, f"({radicals})^{{40}}")
    continued = "1+\\frac{1}{" * 60 + "2" + "}" * 60
    yield from _wrong("structure", "\\sqrt{3}", continued)


def _boxes() -> Iterator[Case]:
    yield from _responses(
        "boxes", "4", "\\boxed{" * 12_000, "\\boxed{3}" * 12_000, "\\boxed" * 9_999
    )
    yield from _responses("boxes", "4", "\\boxed{4" + "{" * 9_000, "\\boxed{" + "}" * 9_000)
    yield from _responses("boxes", "4", "\\boxed{" * 500 + "3" + "}" * 500, "}{" * 30_000)
    yield from _responses("boxes", "4", "<think>" * 20_000 + "\\boxed{4}", "</think>" * 20_000)
    yield from _responses("boxes", "4", "\\boxed{3}" * 12_000 + " so \\boxed{4}", right=True)
    yield from _responses("boxes", "4", "\\fbox{3} " * 5_000 + "\n\n\\boxed{4}", right=True)


def _operations() -> Iterator[Case]:
    yield from _wrong(
        "operation",
        "6",
        "\\sum_{n=1}^{10^{12}}\\frac{1}{n}",
        "\\sum_{n=1}^{\\infty}\\frac{\\sin n}{n!}",
        "\\prod_{n=1}^{10^{9}}n",
        "\\int_0^{\\infty}e^{-x^{x}}\\,dx",
        "\\int\\int\\int\\sin(x^y)^z\\,dx\\,dy\\,dz",
        "\\lim_{n\\to\\infty}n^{\\frac1{\\ln\\ln n}}",
        "\\sum_{a=1}^{999}\\sum_{b=1}^{999}\\sum_{c=1}^{999}abc",
        "\\gcd(10^{5000}+1,10^{4999}+7)",
        "\\operatorname{lcm}(1,2,3,4,5,6,7,8,9,10^{300})",
        "\\sin(10^{10^{10}})",
        "\\tan(\\frac{\\pi}{2})",
        "\\frac{1}{0}",
        "0^{-1}",
        "\\frac{0}{0}",
        "\\ln 0",
        "\\log_1 5",
        "\\log_0 0",
        "0^0+\\frac{5}{0}",
        "\\sqrt[0]{6}",
        "\\infty-\\infty+6",
        "\\infty\\cdot0",
        "(-1)^{10^{30}+0.5}",
        "i^{i^{i^{i}}}",
        "\\arcsin(10^{50})",
        "\\Gamma(-1)",
        "(-3)!",
        "6.5!",
        "\\binom{-1}{10^{9}}",
        "\\zeta(1)",
        "\\prod_{k=1}^{0}\\sum_{j=1}^{\\infty}",
        "\\sum_{k=1}^{k}k",
        "\\sum^{}_{}",
        "\\int",
        "\\frac{d^{1000}}{dx^{1000}}e^{x^2}",
        "x \\equiv 6 \\pmod{10^{100}}",
        "\\lfloor\\lceil\\lfloor6.9\\rceil\\rfloor\\rfloor+1",
        "\\max()",
        "\\min(\\infty,-\\infty)",
        "\\frac{}{}",
        "\\sqrt{}",
        "^",
        "_",
        "^{6}",
        "\\left(6",
        "6\\right)7",
        "\\begin{pmatrix}6",
        "\\end{pmatrix}",
        "\\begin{cases}6&x>0\\\\7&x\\le0\\end{cases}",
        "\\over",
        "6\\over",
        "\\not",
        "\\mathbb{}",
        "\\cup\\cup",
        "(,)",
        "{,,}",
        "[;]",
        "6,,7",
        "\\{6,\\ldots\\}",
        "6\\ldots7",
        "<",
        "x<",
        "=",
        "=7",
        "x==7",
        "6=7",
        ":=",
        "6:0",
        "0:0",
        "6\\%\\%",
        "\\%",
        "6e",
        "e6e6",
        "1e1e1",
        ".",
        "6..7",
        "6.0.0",
        "--",
        "+-+-7",
        "\\pm",
        "\\text{6}\\text{7}",
        "\\color{red}7",
        "\\href{http://localhost}{7}",
        "\\require{mhchem}\\ce{7}",
        "\\verb|7|",
        "\\hspace{6cm}",
        "%6",
        "#6",
        "~",
        "&6&7",
        "\\\\",
    )
