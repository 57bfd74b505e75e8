"""The rules, each a sentence and a function that finds what breaks it.

A rule that has no meaning for a source says why it does not apply. Not covered: the rules of
registration (``core.source``): a source that breaks those never gets here.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ..carry import carried
from ..errors import ConfigError
from ..types import Status, Verdict, canonical_json
from .bench import Bench, Judged
from .stuck import DEADLINE_S

__all__ = ["RULES", "Rule"]

QUICK_S = 0.25
"""CPU seconds that an inline source may take for any text: nothing can end it. Ours."""
REASON_CHARS = 500
VERDICT_BYTES = 2**19
"""A verdict as JSON; larger ones fill caches and files with what a long answer says. Ours."""
_LATE_S = 5.0


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    name: str
    says: str
    """What the source does that keeps it, in a sentence."""
    find: Callable[[Bench], Iterable[str]]
    """What breaks it, each as a line."""
    waived: Callable[[Bench], str]
    """Why it does not apply; empty where it does."""


RULES: list[Rule] = []
"""All rules, in the order they are run: what costs nothing comes first."""

_Finder = Callable[[Bench], Iterable[str]]


def _rule(
    name: str, says: str, waived: Callable[[Bench], str] = lambda _: ""
) -> Callable[[_Finder], _Finder]:
    def register(find: _Finder) -> _Finder:
        RULES.append(Rule(name, says, find, waived))
        return find

    return register


# what it says of itself ---------------------------------------------------------------------


@_rule("described", "the source and each of its settings say what they are")
def _described(bench: Bench) -> Iterator[str]:
    source = bench.source
    if not source.doc.partition("\n")[0].strip():
        yield "the function or class has no docstring"
    for name, field in source.config.model_fields.items():
        if not (field.description or "").strip():
            yield f"setting {field.alias or name}: has no description; write a docstring below it"


@_rule("settings", "settings that do not exist are refused")
def _settings(bench: Bench) -> Iterator[str]:
    entry = bench.tables[0].settings if bench.tables else {}
    try:
        bench.source.read({**entry, "no_such_setting_": 1})
    except ConfigError:
        return
    yield "no_such_setting_ was taken; derive the settings from assay.Settings"


@_rule("audited", "right answers, wrong answers and attacks come with it")
def _audited(bench: Bench) -> Iterator[str]:
    kinds = {case.kind for table in bench.tables for case in table.cases}
    for kind in ("right", "wrong", "attack"):
        if kind not in kinds:
            yield f"no audit table has a case of kind {kind}; add some with @audit_table"


@_rule("pickles", "the source can be sent to a worker process")
def _pickles(bench: Bench) -> Iterator[str]:
    try:
        back = pickle.loads(carried(bench.source))  # noqa: S301 - made in this line
    except Exception as error:  # noqa: BLE001 - pickling runs the plugin's code
        yield f"{type(error).__name__}: {error}"
        return
    if (back.name, back.version) != (bench.source.name, bench.source.version):
        yield f"it came back as {back!r}"


# what it does with anything ---------------------------------------------------------------------


def _faults(judged: Iterable[Judged], kind: str) -> Iterator[str]:
    for found in judged:
        verdict = found.verdict
        # what waits behind an open circuit is not to blame; what opened it is found too
        if found.probe.kind != kind or verdict.evidence.get("circuit_open"):
            continue
        if verdict.is_fault:
            yield _line(found, f"{verdict.status.value}: {verdict.reason}")


def _line(found: Judged, what: str) -> str:
    return f"{found.probe.kind} {found.probe.name!r}: {what}"


@_rule("judges", "the cases of its audit table are judged without a fault")
def _judges(bench: Bench) -> Iterator[str]:
    yield from _faults(bench.runs.first, "ordinary")


@_rule("any-text", "no completion makes it fail or hang, however long or odd")
def _any_text(bench: Bench) -> Iterator[str]:
    yield from _faults(bench.runs.first, "text")


@_rule(
    "any-messages", "completions may be chat messages, also empty ones; a chat says what it says"
)
def _any_messages(bench: Bench) -> Iterator[str]:
    yield from _faults(bench.runs.first, "messages")
    if not bench.source.deterministic:
        return
    ordinary = bench.runs.first[0]
    for found in bench.runs.first:
        same = found.probe.sample.text == ordinary.probe.sample.text
        if found.probe.kind == "messages" and same:
            yield from _unlike(found, ordinary.verdict, "as text it is")


@_rule("any-truth", "no ground truth of a wrong type makes it fail")
def _any_truth(bench: Bench) -> Iterator[str]:
    yield from _faults(bench.runs.first, "truth")


@_rule("needs", "what it declares to need is all it needs")
def _needs(bench: Bench) -> Iterator[str]:
    yield from _faults(bench.runs.first, "bare")
    for found in bench.runs.first:
        status = found.verdict.status
        if found.probe.kind == "bare" and bench.source.needs and status is Status.SCORED:
            yield _line(found, f"it was scored without {', '.join(sorted(bench.source.needs))}")


def _without_truth(bench: Bench) -> str:
    return "" if "ground_truth" in bench.source.needs else "it needs no ground truth"


@_rule("rubbish", "text that answers nothing does not pass", _without_truth)
def _rubbish(bench: Bench) -> Iterator[str]:
    for found in bench.runs.first:
        if found.probe.kind == "text" and found.verdict.passed:
            yield _line(found, f"passed with score {found.verdict.score}: {found.verdict.reason}")


def _only_inline(bench: Bench) -> str:
    return "" if bench.source.runs == "inline" else f"it runs {bench.source.runs}, under deadlines"


@_rule(
    "quick", f"an inline source takes less than {QUICK_S:g} CPU seconds for any text", _only_inline
)
def _quick(bench: Bench) -> Iterator[str]:
    for found in bench.runs.first:
        if found.verdict.is_fault or found.verdict.seconds < QUICK_S:
            continue
        taken = bench.cpu_seconds(found.probe)
        if taken >= QUICK_S:
            yield _line(found, f"took {taken:.2f} s; make it linear in the text, or bound the text")


# what it gives back ---------------------------------------------------------------------


def _breaches(bench: Bench, rule: str) -> Iterator[str]:
    for found in bench.runs.first:
        if found.verdict.evidence.get("breach") == rule:
            yield _line(found, found.verdict.reason)


@_rule("verdicts", "it gives a bool, a number, a Verdict or None, one for each sample")
def _verdicts(bench: Bench) -> Iterator[str]:
    yield from _breaches(bench, "result")


@_rule("scale", "scores keep to the declared scale")
def _scale(bench: Bench) -> Iterator[str]:
    yield from _breaches(bench, "scale")


@_rule("json", "evidence, parts and cost are JSON")
def _json(bench: Bench) -> Iterator[str]:
    yield from _breaches(bench, "json")


@_rule("small", f"a verdict is less than {VERDICT_BYTES} bytes, whatever the answer's length")
def _small(bench: Bench) -> Iterator[str]:
    for found in bench.runs.first:
        size = len(canonical_json(found.verdict.to_dict()))
        if size >= VERDICT_BYTES:
            yield _line(found, f"{size} bytes; cut what is quoted from the answer")


@_rule("reasons", f"a reason is one sentence: one line of at most {REASON_CHARS} characters")
def _reasons(bench: Bench) -> Iterator[str]:
    ever = any(found.verdict.reason for found in bench.runs.first)
    for found in bench.runs.first:
        reason = found.verdict.reason
        if len(reason.splitlines()) > 1 or len(reason) > REASON_CHARS:
            yield _line(found, f"{reason[:80]!r}: {len(reason)} characters")
        elif ever and found.verdict.passed is False and not reason.strip():
            yield _line(found, "does not pass, and gives no reason")


# what it depends on ---------------------------------------------------------------------


def _key(verdict: Verdict) -> tuple[object, ...]:
    steps = tuple((s.start, s.end, s.score) for s in verdict.steps)
    parts = tuple(sorted(verdict.parts.items()))
    return verdict.status, verdict.score, verdict.passed, verdict.confidence, parts, steps


def _unlike(found: Judged, other: Verdict, then: str) -> Iterator[str]:
    if _key(found.verdict) != _key(other):
        one, two = found.verdict, other
        yield _line(
            found,
            f"{one.status.value} {one.score} ({one.reason}), and {then}"
            f" {two.status.value} {two.score} ({two.reason})",
        )


def _if_deterministic(bench: Bench) -> str:
    return "" if bench.source.deterministic else "it is declared not deterministic"


def _first_of(bench: Bench) -> dict[int, Verdict]:
    return {id(found.probe): found.verdict for found in bench.runs.first}


@_rule("deterministic", "equal samples get equal verdicts", _if_deterministic)
def _deterministic(bench: Bench) -> Iterator[str]:
    first = _first_of(bench)
    for found in bench.runs.again:
        yield from _unlike(found, first[id(found.probe)], "the first time")


@_rule("order", "verdicts depend on neither order nor batch size", _if_deterministic)
def _order(bench: Bench) -> Iterator[str]:
    first = _first_of(bench)
    for found in bench.runs.apart:
        yield from _unlike(found, first[id(found.probe)], "in a batch")


# what it does to its process ---------------------------------------------------------------------


@_rule("quiet", "nothing is written to standard output")
def _quiet(bench: Bench) -> Iterator[str]:
    seen = bench.observed
    if seen.output:
        yield f"it wrote {seen.output!r}; use logging, or standard error"
    if seen.end:
        yield f"its process did not end well: {seen.end}"


@_rule("light", "loading the plugin imports no heavy library")
def _light(bench: Bench) -> Iterator[str]:
    for name in bench.observed.heavy:
        yield f"loading it imports {name}; import it where it is used, or name it in preload"


@_rule("deadline", "a call that hangs is ended, and nothing of it is left")
def _deadline(bench: Bench) -> Iterator[str]:
    ending = bench.ending
    status = ending.verdict.status
    if status is not Status.TIMED_OUT:
        yield f"a call that never returned gave {status.value}: {ending.verdict.reason}"
    if ending.seconds > DEADLINE_S + ending.opening_s + _LATE_S:
        yield f"it ended after {ending.seconds:.1f} s, with a deadline of {DEADLINE_S:g} s"
    for process in ending.left:
        yield f"a process was left: {process}"
