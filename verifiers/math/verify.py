"""``math.verify``: Hugging Face's Math-Verify, for comparison and for those who want its verdicts.

Needs the package ``math-verify``; without it, every call is a ``ConfigError``. Its own alarms are
switched off (they work in a main thread only): it runs in a worker that the host kills at the
deadline. Its time grows faster than the text, so that a long text would be left out for a hang:
longer ones are judged wrong unread. Not covered: anything that Math-Verify does not do; see
``math.symbolic``.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ...core.errors import ConfigError
from ...core.settings import Settings
from ...core.source import source
from ...core.types import Sample, Status, Verdict

__all__ = ["VerifySettings", "math_verify"]

MAX_CHARS = 16_000
"""Longest answer that is read: a second of parsing, measured on hostile texts. Ours."""
MAX_TRUTH_CHARS = 4_000
"""Longest ground truth that is read. Ours."""


class VerifySettings(Settings):
    """What Math-Verify is told."""

    decimals: int = Field(default=6, ge=0, le=30)
    """``float_rounding``: decimals to which floats are rounded; Math-Verify's default."""
    strict: bool = True
    """``strict``: sets are no tuples, and variables compare by name; Math-Verify's default."""


@source(
    "math.verify",
    version="2",
    scale="binary",
    needs=("ground_truth",),
    runs="process",
    view="answer",
)
def math_verify(sample: Sample, settings: VerifySettings) -> Verdict:
    """1 if Math-Verify accepts the answer, else 0. Abstains where it raises.

    An answer of over 16000 characters is wrong, a ground truth of over 4000 a bad reference.
    ``evidence``: ``given`` and ``wanted``, as Math-Verify parsed them.
    """
    library = _library()
    truth = sample.ground_truth
    if not isinstance(truth, str | int | float) or isinstance(truth, bool):
        return Verdict.unscored(Status.BAD_REFERENCE, "the ground truth is not text or a number")
    if isinstance(truth, str) and len(truth) > MAX_TRUTH_CHARS:
        reason = f"the ground truth has over {MAX_TRUTH_CHARS} characters"
        return Verdict.unscored(Status.BAD_REFERENCE, reason)
    if len(sample.text) > MAX_CHARS:
        return Verdict.scored(0.0, passed=False, reason=f"over {MAX_CHARS} characters: not read")
    try:
        wanted = library.parse(_delimited(str(truth)), parsing_timeout=None)
        given = library.parse(sample.text, parsing_timeout=None)
        equal = library.verify(
            wanted,
            given,
            float_rounding=settings.decimals,
            strict=settings.strict,
            timeout_seconds=None,
        )
    except Exception as error:  # noqa: BLE001 - the library lets SymPy's errors of any kind through
        reason = f"math-verify raised {type(error).__name__}"
        return Verdict.unscored(Status.ABSTAINED, reason)
    if not wanted:
        return Verdict.unscored(Status.BAD_REFERENCE, "math-verify cannot read the ground truth")
    reason = "math-verify accepts it" if equal else "math-verify does not accept it"
    evidence = {"given": str(given)[:200], "wanted": str(wanted)[:200]}
    return Verdict.scored(float(bool(equal)), passed=bool(equal), reason=reason, evidence=evidence)


def _delimited(truth: str) -> str:
    """Math-Verify sees LaTeX between delimiters only."""
    return truth if "$" in truth or "\\boxed" in truth else f"${truth}$"


def _library() -> Any:
    try:
        import math_verify as library
    except ImportError:
        raise ConfigError(
            "source 'math.verify' needs the package math-verify: pip install math-verify"
        ) from None
    return library
