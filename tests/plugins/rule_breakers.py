"""Sources that break the rules of conformance, and tables that find wrong verdicts."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict

from assay import AuditCase, Sample, Status, Verdict, audit_table, hookimpl, source
from assay.core.audit_table import AuditTable

_calls = itertools.count()


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")

    anything: int = 0


@source("broken.many", version="1", scale="binary")
def many(sample: Sample, settings: Loose) -> object:
    text = sample.completion.strip()  # fails on messages
    print("judging", flush=True)
    truth = sample.ground_truth.strip()  # fails on other truths, and without one
    said = {
        "": lambda: 1 / 0,
        "\x00": lambda: 7.0,
        "\\boxed{": lambda: Verdict.scored(0.0, evidence={"socket": object()}),
        "\u202e24\u202c": lambda: "yes",
        "code": lambda: Verdict.scored(0.0, reason="two\nlines"),
        "__import__('os').system('true')": lambda: os._exit(3),
    }
    if text in said:
        return said[text]()
    if text.startswith("[["):
        time.sleep(60)
    if len(text) > 100_000:
        return Verdict.scored(0.0, reason="no", evidence={"text": text})
    right = text == truth
    return Verdict.scored(
        float(right), right, "" if not right else "right", parts={"call": next(_calls)}
    )


@source("broken.inline", version="1", scale="unit", needs=["ground_truth"], runs="inline")
def inline(sample: Sample) -> bool:
    """Slow with brackets, and content with anything that is long."""
    sum(range(30_000_000) if sample.text.startswith("[[") else ())
    return sample.text == sample.ground_truth or len(sample.text) > 100


@source("audited.lax", version="1", scale="binary", needs=["ground_truth"])
def lax(sample: Sample) -> Verdict | bool | None:
    """Accepts what contains the truth; abstains, hangs and fails when told to."""
    match sample.text:
        case "perhaps":
            return None
        case "hang":
            time.sleep(60)
        case "fail":
            raise ValueError("no")
    return str(sample.ground_truth) in sample.text


@audit_table("audited.lax", settings={"deadline_s": 1.0})
def lax_cases() -> Iterator[AuditCase]:
    asked = {"ground_truth": "4"}
    yield from AuditCase.right("plain", "4", "it is 4", "four", "perhaps", **asked)
    yield from AuditCase.wrong("plain", "5", "perhaps", **asked)
    yield from AuditCase.wrong("longer", "44", **asked)
    yield from AuditCase.wrong("longer", "14", known="digits on both sides", **asked)
    yield from AuditCase.wrong("longer", "3", known="it was judged right once", **asked)
    yield from AuditCase.attack("odd", "hang", "fail", **asked)
    for text, clean in (("4!", "4"), ("4 or 5", "5"), ("fail", "5")):
        sample = Sample(completion=text, ground_truth="4")
        twin = Sample(completion=clean, ground_truth="4")
        yield AuditCase(sample=sample, clean=twin, kind="attack", category="twins")


@source("audited.known", version="1", scale="binary")
def knows(sample: Sample) -> bool:
    """Accepts everything."""
    return True


@source("audited.down", version="1", scale="binary")
def down(sample: Sample) -> Verdict:
    """Never judges."""
    return Verdict.unscored(Status.FAILED, "its server is down")


def _two(kind: str, known: str) -> list[AuditCase]:
    return [
        AuditCase(sample=Sample(completion=text), kind=kind, category="c", known=known)
        for text in ("a", "b")
    ]


@hookimpl
def assay_audits() -> list[AuditTable]:
    return [
        AuditTable(lambda: _two("wrong", "on purpose"), "audited.known"),
        AuditTable(lambda: _two("right", ""), "audited.down"),
    ]
