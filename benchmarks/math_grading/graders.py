"""The graders under comparison, each a function from (gold, response) to (accepted, stage).

Covered: Assay's sources, called in this process without its deadlines and workers, and what
installed packages offer. Not covered: extraction where a grader has none; see ``boxed``.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import partial

from . import peer_graders
from .peer_graders import Grade
from .text import boxed

__all__ = ["GRADERS", "Grade"]


def _assay(module: str, name: str) -> Grade:
    import importlib

    from assay.core.judging import OpenSource
    from assay.core.types import Sample

    source = getattr(importlib.import_module(module), name)
    opened = OpenSource(source, {}, source.name)

    def grade(gold: str, response: str) -> tuple[bool, str]:
        sample = Sample(completion=response, ground_truth=gold).view(source.view)
        verdict = opened.judge([sample])[0]
        stage = (verdict.evidence or {}).get("stage") or verdict.status.value
        return verdict.passed is True, str(stage)

    return grade


def symbolic() -> Grade:
    return _assay("assay.verifiers.math.symbolic", "math_symbolic")


def exact() -> Grade:
    return _assay("assay.verifiers.math.exact", "math_exact")


def math_verify() -> Grade:
    """huggingface/Math-Verify as its README calls it, its own time limits on."""
    from math_verify import parse, verify

    logging.disable(logging.CRITICAL)

    def grade(gold: str, response: str) -> tuple[bool, str]:
        marked = gold if re.search(r"\$|\\boxed|\\\(|\\\[", gold) else f"${gold}$"
        return bool(verify(parse(marked), parse(response))), "verify"

    return grade


def trl_accuracy() -> Grade:
    """``trl.rewards.accuracy_reward``: math-verify with another extraction."""
    from trl.rewards import accuracy_reward

    logging.disable(logging.CRITICAL)

    def grade(gold: str, response: str) -> tuple[bool, str]:
        marked = gold if re.search(r"\$|\\boxed|\\\(|\\\[", gold) else f"${gold}$"
        found = accuracy_reward([[{"role": "assistant", "content": response}]], [marked])
        return found[0] == 1.0, "verify"

    return grade


def latex2sympy() -> Grade:
    """The last box through latex2sympy2_extended, then ``simplify`` of the difference is zero."""
    import sympy
    from latex2sympy2_extended import latex2sympy as read

    def grade(gold: str, response: str) -> tuple[bool, str]:
        try:
            return bool(sympy.simplify(read(gold) - read(boxed(response))) == 0), "simplify"
        except Exception:  # noqa: BLE001 - whatever it cannot read is not accepted
            return False, "unread"

    return grade


def same_text() -> Grade:
    """The last box and the gold are the same text but for spaces: the floor."""

    def grade(gold: str, response: str) -> tuple[bool, str]:
        return re.sub(r"\s", "", gold) == re.sub(r"\s", "", boxed(response)), "text"

    return grade


GRADERS: dict[str, Callable[[], Grade]] = {
    "assay math.symbolic": symbolic,
    "assay math.exact": exact,
    "math-verify": math_verify,
    "trl accuracy_reward": trl_accuracy,
    "latex2sympy + simplify": latex2sympy,
    "same text": same_text,
    **{name: partial(peer_graders.load, name) for name in peer_graders.PEER_GRADERS},
}
