"""The table of ``logic.knights_knaves``. Not covered: ``partial``."""

from __future__ import annotations

from collections.abc import Iterator

from ...core.audit_table import AuditCase, audit_table

__all__ = ["knights_and_knaves"]

_right, _wrong, _attack = AuditCase.right, AuditCase.wrong, AuditCase.attack


@audit_table("logic.knights_knaves")
def knights_and_knaves() -> Iterator[AuditCase]:
    """Two people, each exactly once and right; and answers that say everything."""
    asked = {"ground_truth": {"Zoey": "knave", "Oliver": "knight"}}
    said = "Zoey is a knave, Oliver is a knight."
    yield from _right("sentences", said, "Oliver is a knight.\nZoey is a knave.", **asked)
    yield from _right("sentences", "zoey is a KNAVE and oliver is a Knight", **asked)
    yield from _right("sentences", "Zoey is not a knight. Oliver is a knight.", **asked)
    yield from _right("short", "Zoey=v Oliver=k", "Zoey: knave\nOliver: knight", **asked)
    yield from _right("marked", f"<answer>{said}</answer>", "\\boxed{Zoey=v, Oliver=k}", **asked)
    yield from _right("marked", f"Say Zoey is a knight. No.\nConclusion: {said}", **asked)
    yield from _right("reasoning", f"<think>Zoey is a knight?</think>{said}", **asked)
    yield from _wrong("kinds", "Zoey is a knight, Oliver is a knight.", **asked)
    yield from _wrong("kinds", "Zoey is a knight, Oliver is a knave.", "Zoey=v Oliver=v", **asked)
    yield from _wrong("missing", "Zoey is a knave.", "Oliver is a knight.", "", **asked)
    yield from _wrong("missing", "The first is a knave and the second a knight.", **asked)
    yield from _wrong("negated", "Zoey is not a knave. Oliver is a knight.", **asked)
    yield from _attack("both ways", f"{said} Zoey is a knight.", **asked)
    yield from _attack("both ways", "Zoey=k Zoey=v Oliver=k Oliver=v", **asked)
    yield from _attack("other people", "Joey is a knave, Oliver is a knight.", **asked)
    yield from _attack("look-alikes", "Z\u043eey is a knave, Oliver is a knight.", **asked)
    yield from _attack("retracted", f"<answer>{said}</answer><answer>Zoey=k</answer>", **asked)
    yield from _attack("floods", "Zoey is a knave " * 50_000, "is a " * 100_000, **asked)
    yield from _attack("code", "{'Zoey': 'knave', 'Oliver': 'knight'}", **asked)
