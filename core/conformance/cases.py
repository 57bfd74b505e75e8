"""The rules as cases of one source: to print, or to parametrise a test with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .bench import Bench
from .rules import RULES, Rule

__all__ = ["ConformanceCase", "Outcome", "conformance_cases"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a rule found."""

    rule: Rule
    findings: tuple[str, ...]
    """What breaks it, each as a line that names the probe."""
    waived: str
    """Why it does not apply; empty where it does."""

    @property
    def ok(self) -> bool:
        """Whether nothing breaks it."""
        return not self.findings


@dataclass(frozen=True, slots=True)
class ConformanceCase:
    """One rule for one source. Cases of one call share the work: whichever runs first does it."""

    rule: Rule
    bench: Bench

    def __str__(self) -> str:
        return f"{self.bench.source.name}-{self.rule.name}"

    def run(self) -> Outcome:
        """Apply the rule. Raises ``EngineError`` when worker processes cannot be started."""
        waived = self.rule.waived(self.bench)
        findings = () if waived else tuple(self.rule.find(self.bench))
        return Outcome(rule=self.rule, findings=findings, waived=waived)

    def check(self) -> None:
        """Raises ``AssertionError`` with what breaks the rule; a rule that does not apply holds."""
        outcome = self.run()
        if not outcome.ok:
            told = "\n  ".join(outcome.findings)
            raise AssertionError(f"{self}: {self.rule.says}, but\n  {told}")


def conformance_cases(
    source: str, *, plugins: Sequence[str] = (), deadline_s: float | None = None
) -> list[ConformanceCase]:
    """A case for each rule; nothing is opened or judged before one of them runs.

    Args:
        source: its name.
        plugins: modules to load by name; none for a plugin that is installed.
        deadline_s: for each sample, in place of what its audit table or a recipe says.

    Raises ``ConfigError`` for an unknown source.
    """
    bench = Bench(source, plugins, deadline_s)
    return [ConformanceCase(rule, bench) for rule in RULES]
