"""The kit finds what breaks each rule: a rule that nothing breaks would prove nothing."""

from __future__ import annotations

import pytest

from assay import conformance_cases
from assay.core.conformance import RULES, Outcome

MANY = {
    "described": ["no docstring", "setting anything: has no description"],
    "settings": ["no_such_setting_ was taken"],
    "audited": ["kind right", "kind wrong", "kind attack"],
    "any-text": ["'empty'", "ZeroDivisionError", "'brackets': timed_out", "'code': failed"],
    "any-messages": ["'chat': failed"],
    "any-truth": ["'empty-list': failed"],
    "needs": ["'completion-alone': failed"],
    "verdicts": ["'bidi-controls'"],
    "scale": ["'nul'", "scale 'binary'"],
    "json": ["'unterminated-box'"],
    "small": ["'megabyte-of-digits'"],
    "reasons": ["gives no reason"],
    "deterministic": ["and the first time scored"],
    "order": ["and in a batch scored"],
    "quiet": ["'judging"],
}
INLINE = {"rubbish": ["'digits': passed"], "quick": ["'brackets': took"]}
NEVER_HERE = {"judges", "pickles", "light", "deadline"}
"""Broken one by one below, or by nothing but a broken engine."""


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """What the kit says of two sources that break what they can, for the rules in question."""
    found = {}
    for source, rules, deadline_s in (
        ("broken.many", MANY, 2.0),
        ("broken.inline", INLINE, 60.0),
    ):
        cases = conformance_cases(source, plugins=["rule_breakers"], deadline_s=deadline_s)
        found |= {case.rule.name: case.run() for case in cases if case.rule.name in rules}
    return found


@pytest.mark.parametrize("rule", [*MANY, *INLINE])
def test_a_broken_rule_is_found(outcomes: dict[str, Outcome], rule: str) -> None:
    told = "\n".join(outcomes[rule].findings)
    assert not outcomes[rule].ok
    for words in {**MANY, **INLINE}[rule]:
        assert words in told, told


def test_the_tables_above_hold_every_rule() -> None:
    assert {rule.name for rule in RULES} == {*MANY, *INLINE, *NEVER_HERE}
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_a_case_raises_what_breaks_it_and_skips_what_does_not_apply() -> None:
    cases = {c.rule.name: c for c in conformance_cases("broken.many", plugins=["rule_breakers"])}
    with pytest.raises(AssertionError, match=r"broken\.many-settings: settings that do"):
        cases["settings"].check()
    assert cases["quick"].run().waived == "it runs process, under deadlines"
    cases["quick"].check()
    assert str(cases["quick"]) == "broken.many-quick"
