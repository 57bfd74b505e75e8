"""A shaper that breaks on some texts."""

from __future__ import annotations

from assay import Draft, shaper


@shaper("broken.sometimes")
def sometimes(draft: Draft) -> float:
    if draft.sample.text == "raise":
        return 1 / 0
    if draft.sample.text == "nan":
        return float("nan")
    return draft.value
