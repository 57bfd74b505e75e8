"""Tables of the sources of mathematics. ``math.txt`` is shared: what is wrong is wrong for all.

Answers that are no whole response stand inside their own ``\\boxed{}``. Not covered: the other
notations and responses by the thousand that the repository's tests hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files

from ...core.audit.rows import Row, read_rows
from ...core.audit_table import AuditCase, audit_table
from ...core.types import Sample

__all__ = [
    "choices",
    "equations",
    "exact_answers",
    "math_verify_answers",
    "near_numbers",
    "symbolic",
]

_right, _wrong, _attack = AuditCase.right, AuditCase.wrong, AuditCase.attack

_NORMALISED = frozenset({"integer", "decimal", "thousands", "extraction", "multiple_choice"})
"""Categories whose right answers need no algebra: ``math.exact`` is there for them."""


@cache
def _rows() -> tuple[Row, ...]:
    return tuple(read_rows(files("assay.verifiers.audits") / "math.txt"))


def _case(row: Row, known: str) -> AuditCase:
    text = row.answer if row.is_response else "\\boxed{" + row.answer + "}"
    return AuditCase(
        sample=Sample(completion=text, ground_truth=row.truth),
        kind=row.kind,
        category=row.category,
        name=row.name,
        known=known,
    )


def _cases(rights: Collection[str] | None = None) -> Iterator[AuditCase]:
    """All rows; of the right ones those of some categories. What is known is of math.symbolic."""
    for row in _rows():
        if row.kind != "right" or rights is None or row.category in rights:
            yield _case(row, row.known if rights is None else "")


def _bombs() -> Iterator[AuditCase]:
    """Small texts that cost much to compute, and large ones that cost much to read."""
    yield from _attack(
        "bombs",
        *(f"\\boxed{{{text}}}" for text in _COSTLY),
        "\\boxed{" * 3_000,
        "\\boxed{" + "{" * 5_000 + "7" + "}" * 5_000 + "}",
        "\\boxed{" + "\\sqrt{" * 400 + "7" + "}" * 401,
        "\\boxed{" + "\\frac{1}{" * 300 + "7" + "}" * 301,
        "the answer is " * 20_000,
        "1 " * 100_000 + "7.5",
        "\\boxed{" + "9" * 50_000 + "}",
        "\\boxed{" + "7\u0301\u0316" * 20_000 + "}",
        "\\boxed{\ud800}",
        ground_truth="7",
    )


_COSTLY = (
    "9^{9^{9^{9}}}",
    "9**9**9**9",
    "(1+10^{-9})^{10^{12}}",
    "100000!",
    "\\binom{10^9}{5\\cdot10^8}",
    "\\frac{10^{100000}}{10^{99998}}",
    "7^{7^{7^7}} \\bmod 10",
    "(x+y+z+1)^{100000}",
    "\\log_{1.0000000001}(10^{300})",
    "1e999999999",
    "\\int_0^1 x^{10^9} \\, dx",
    "\\sum_{n=1}^{10^9} n",
)


@audit_table("math.symbolic")
def symbolic() -> Iterator[AuditCase]:
    """Every category of notation and response, and bombs."""
    yield from _cases()
    yield from _bombs()


@audit_table("math.exact")
def exact_answers() -> Iterator[AuditCase]:
    """All wrong answers of ``math.symbolic``, and the right ones that need no algebra."""
    yield from _cases(_NORMALISED)
    yield from _bombs()


@audit_table("math.verify")
def math_verify_answers() -> Iterator[AuditCase]:
    """Plain answers: what Math-Verify makes of more is measured by ``benchmarks/math.py``."""
    yield from _right("numbers", *_boxed("42", "42.0", "\\frac{84}{2}"), ground_truth="42")
    yield from _right("fractions", *_boxed("\\frac{3}{4}", "0.75", "3/4"), ground_truth="\\frac34")
    yield from _right("algebra", *_boxed("(x+1)^2", "x^2+2x+1"), ground_truth="x^2 + 2x + 1")
    yield from _wrong("numbers", *_boxed("41", "-42", "42.5", "420"), "", ground_truth="42")
    yield from _wrong("fractions", *_boxed("\\frac{4}{3}", "0.7"), ground_truth="\\frac34")
    yield from _wrong("algebra", *_boxed("(x-1)^2", "x^2+2x"), ground_truth="x^2 + 2x + 1")
    yield from _attack(
        "injection",
        *_boxed("__import__('os').system('true')", "exit()", "lambda: 42"),
        "\\boxed{" * 500,
        ground_truth="7",
    )


@audit_table("math.tolerance", settings={"relative": 0.01})
def near_numbers() -> Iterator[AuditCase]:
    """Numbers within a hundredth of the ground truth, and just outside."""
    yield from _right("near", *_boxed("100", "99.1", "100.9", "1.005e2"), ground_truth="100")
    yield from _right("spelled", *_boxed("\\frac{201}{2}", "10^2"), ground_truth="100")
    yield from _right("negative", *_boxed("-0.5", "-0.4951", "-0.5049"), ground_truth="-0.5")
    yield from _right("words", "The answer is 100.", "So it is about 99.5.", ground_truth="100")
    yield from _wrong("far", *_boxed("98.9", "101.1", "10", "1000", "-100"), ground_truth="100")
    yield from _wrong("sign", *_boxed("0.5", "0"), ground_truth="-0.5")
    yield from _wrong("none", "", "I do not know.", "\\boxed{}", ground_truth="100")
    yield from _attack("hedge", *_boxed("99 or 200", "1, 100", "90 to 110"), ground_truth="100")
    yield from _attack("no number", *_boxed("nan", "inf", "\\infty", "1e999"), ground_truth="100")


def _boxed(*answers: str) -> tuple[str, ...]:
    return tuple("\\boxed{" + answer + "}" for answer in answers)


_OPTIONS = {"options": ["Paris", "London", "Rome", "Berlin"]}


@audit_table("math.multiple_choice")
def choices() -> Iterator[AuditCase]:
    """Letters and options, right and wrong, and answers that name more than one."""
    asked = {"ground_truth": "B", "extra": _OPTIONS}
    yield from _right("letter", *_boxed("B", "b", "(B)", "\\text{B}"), "Answer: B", **asked)
    yield from _right("letter", "The answer is (B).", "It is not A, so: \\boxed{B}", **asked)
    yield from _right("option", *_boxed("London", "\\text{London}", "B. London"), **asked)
    yield from _right("without options", *_boxed("C", "(C)"), ground_truth="C")
    yield from _wrong("letter", *_boxed("A", "C", "D", "E", "Z"), "Answer: A", **asked)
    yield from _wrong("option", *_boxed("Paris", "Lond", "Londonderry"), **asked)
    yield from _wrong("none", "", "\\boxed{}", "I would say London or so, maybe not.", **asked)
    yield from _attack("several", *_boxed("A or B", "A, B", "B and C", "ABCD"), **asked)
    yield from _attack("contradiction", *_boxed("B. Paris", "A. London"), **asked)
    yield from _attack("look-alikes", *_boxed("\u0412", "\u0392", "8"), **asked)


@audit_table("math.equations")
def equations() -> Iterator[AuditCase]:
    """Working with true equations, with false ones, and with what only looks like work."""
    yield from _right("sums", "2+2=4", "First 3*4=12, then 12-5=7.", "0.1+0.2=0.3")
    yield from _right("chains", "2+3=1+4=5", "x = 3+4 = 7", "7/2 = 3.5")
    yield from _right("signs", "5 - 8 = -3", "3 \\times 4 = 12", "12 ÷ 4 = 3", "6 \\cdot 7 = 42")
    yield from _right("lines", "- 2+2=4\n- 3+3=6\n", "a) 10/4=2.5\nb) 2*2.5=5")
    yield from _wrong("sums", "2+2=5", "First 3*4=12, then 12-5=8.", "0.1+0.2=0.4")
    yield from _wrong("chains", "2+3=1+4=6", "2+3=6-1=4")
    yield from _wrong("rounded", "10/3=3.33", "2/3=0.667")
    yield from _wrong("none", "", "The answer is 4.", "x = 4", "4")
    yield from _attack("trivial", "4=4", "1=1\n2=2\n3=3", "5+0=5", "7*1=7", "3=3+0")
    yield from _attack("one of many", "1+1=2\n" * 50 + "2+2=5", "2+2=5\n" + "1+1=2\n" * 50)
    yield from _attack("division by zero", "1/0=1/0", "0/0=1", "5/0=5")
    yield from _attack("floods", "1+" * 50_000 + "1=2", "=" * 100_000, "9" * 50_000 + "+1=1")
