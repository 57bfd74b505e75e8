"""``format.regex``: the completion matches a pattern, in time linear in its length.

Not covered: lookaround and backreferences; a pattern that needs them is refused when the recipe is
read.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from ...core.settings import Settings
from ...core.source import source
from ...core.types import Sample, Verdict
from .linear_regex import compiled, encodable

__all__ = ["RegexSettings", "format_regex"]

_SHOWN_CHARS = 200


class RegexSettings(Settings):
    """The pattern, in RE2's syntax."""

    pattern: str = Field(min_length=1)
    """The regular expression, without look-around and back-references (RE2)."""
    mode: Literal["search", "fullmatch"] = "fullmatch"
    """``search``: somewhere in the text. ``fullmatch``: all of it."""
    ignore_case: bool = False
    """Capital and small letters count as the same."""
    dot_all: bool = False
    """``.`` matches line breaks too."""
    strip: bool = True
    """White space at the ends of the text is not looked at."""

    @field_validator("pattern")
    @classmethod
    def _linear(cls, pattern: str) -> str:
        compiled(pattern)
        return pattern


@source("format.regex", version="1", scale="binary", runs="inline")
class format_regex:  # noqa: N801 - the decorator makes a Source of it
    """1 if the completion matches the pattern, else 0."""

    def __init__(self, settings: RegexSettings) -> None:
        pattern = compiled(
            settings.pattern, ignore_case=settings.ignore_case, dot_all=settings.dot_all
        )
        self._match = pattern.search if settings.mode == "search" else pattern.fullmatch
        self._strip = settings.strip

    def __call__(self, sample: Sample) -> Verdict:
        text = encodable(sample.text.strip() if self._strip else sample.text)
        match = self._match(text)
        if match is None:
            return Verdict.scored(0.0, passed=False, reason="the pattern does not match")
        shown = match.group()[:_SHOWN_CHARS]
        return Verdict.scored(
            1.0, passed=True, reason="the pattern matches", evidence={"matched": shown}
        )
