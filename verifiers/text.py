"""Compare an answer with a text (or any of several) after stated normalisation.

Covered: letter case, white space, punctuation, Unicode composition, several right answers.
Not covered: meaning. "a dog" is not "one dog"; numbers are texts here (see ``math.exact``).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from typing import Any

from ..core.settings import Settings
from ..core.source import source
from ..core.types import Sample, Status, Verdict

__all__ = ["TextSettings", "text_exact"]

_SLACK_CHARS = 256


class TextSettings(Settings):
    """What may differ between the answer and the ground truth."""

    ignore_case: bool = True
    """Compare case-folded texts."""
    ignore_space: bool = True
    """Runs of white space count as one blank, at the ends as none."""
    ignore_punctuation: bool = False
    """Marks of the Unicode categories P* are left out."""
    nfc: bool = True
    """Compose accents first (Unicode NFC): the two ways to write é are one."""


@source(
    "text.exact",
    version="1",
    scale="binary",
    runs="inline",
    needs=("ground_truth",),
    view="answer",
)
class text_exact:  # noqa: N801 - the decorator makes a Source of it
    """The answer is the ground truth, word for word, after normalisation.

    The ground truth is a text, a number (compared by its JSON text) or a list of those, any of
    which is right. A ground truth that is empty after normalisation is ``bad_reference``.
    """

    def __init__(self, settings: TextSettings) -> None:
        self._settings = settings
        self._cut = _cutter(settings)

    def __call__(self, sample: Sample) -> Verdict:
        wanted = [self._normal(text) for text in _texts_of(sample.ground_truth)]
        if not wanted or not all(wanted):
            return Verdict.unscored(
                Status.BAD_REFERENCE, "the ground truth holds no text, or an empty one"
            )
        given = self._cut(sample.text)
        # NFC is quadratic in runs of combining marks, so long texts never get there
        if len(given) > _SLACK_CHARS + 4 * max(map(len, wanted)):
            return Verdict.scored(
                0.0, passed=False, reason="the answer is far longer than any right one"
            )
        found = self._normal(given)
        if found in wanted:
            return Verdict.scored(
                1.0, passed=True, reason="the text is equal", evidence={"extracted": found}
            )
        reason = "the answer is empty" if not found else "the text differs"
        return Verdict.scored(0.0, passed=False, reason=reason, evidence={"extracted": found[:200]})

    def _normal(self, text: str) -> str:
        if self._settings.nfc:
            text = unicodedata.normalize("NFC", text)
        text = self._cut(text)
        return text.casefold() if self._settings.ignore_case else text


def _texts_of(truth: Any) -> list[str]:
    """The right answers as texts; none for a ground truth of another kind."""
    items = truth if isinstance(truth, list | tuple) else [truth]
    if all(isinstance(item, str | int | float) and not isinstance(item, bool) for item in items):
        return [str(item) for item in items]
    return []


def _cutter(settings: TextSettings) -> Callable[[str], str]:
    def cut(text: str) -> str:
        if settings.ignore_punctuation:
            text = "".join(c for c in text if not unicodedata.category(c).startswith("P"))
        return " ".join(text.split()) if settings.ignore_space else text

    return cut
