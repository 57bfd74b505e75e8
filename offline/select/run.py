"""``assay select``: a scored file in, training data out, by rules that are pure functions.

Prompt by prompt: those that a filter leaves out, then the rule (``core.selection``, and ``answers``
for votes), then the rows (``shapes``). What was left out and why is counted.

Not covered: mixing several scored files with weights; a folder of them reads as one file.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

from ...core.errors import ConfigError
from ...core.records import json_text
from ...core.selection import (
    KeepRule,
    LabelRule,
    PairRule,
    ScoredRow,
    keep_rows,
    label_rows,
    make_pairs,
)
from ...core.types import JSON, digest
from ...core.version import __version__
from ..write import replace_file
from .answers import of_winning_answer
from .clean import NGRAM, Benchmarks, Repeats, band_of
from .output import check_suffix, write_rows
from .prompts import Candidate, Prompt, ScoredFile
from .shapes import Form, Make, Row, Shaper, schema_of
from .spill import Spill

__all__ = ["Order", "Rule", "SelectOptions", "select_file"]

Rule: TypeAlias = Literal[
    "all_passed",
    "best_of_n",
    "top_k",
    "threshold",
    "weighted_best_of_n",
    "majority",
    "best_worst",
    "all_pairs",
]
Order: TypeAlias = Literal["input", "easy_first", "hard_first", "shuffled"]

_RULES: dict[Make, tuple[Rule, ...]] = {
    "sft": ("all_passed", "best_of_n", "top_k", "threshold", "weighted_best_of_n", "majority"),
    "dpo": ("best_worst", "all_pairs"),
    "kto": (),
    "prompts": (),
}
"""The rules of each kind of output, the default first; those without any label or keep all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectOptions:
    """What to make of a scored file."""

    make: Make = "sft"
    rule: Rule | None = None
    """None: the first that fits ``make``: all that passed, the best and the worst."""
    form: Form = "trl"
    k: int = 2
    """For ``top_k``."""
    at_least: float | None = None
    """Lowest value kept (``sft``); for ``kto`` the value from which a completion is desirable."""
    margin: float = 0.0
    """Smallest difference of a pair's values."""
    cap_per_prompt: int | None = 4
    """Most rows of one prompt (``kto``: with one label). Ours, see ``core.selection``."""
    failed: bool = False
    """Whether a completion that failed may be imitated or chosen, if it is the best there is."""
    truncated: bool = False
    """Whether one that was cut off may be."""
    answer_from: str | None = None
    """The source whose verdicts say what the final answer is, for votes."""
    pass_rate: tuple[float, float] | None = None
    """Lowest and highest pass rate of a prompt."""
    bands: tuple[str, ...] = ()
    """Bands of difficulty, see ``clean.BANDS``; empty: all."""
    dedup: bool = False
    """Leave out prompts whose words came before."""
    decontaminate: tuple[str, ...] = ()
    """Files whose questions must not be in the output."""
    ngram: int = NGRAM
    order: Order = "input"
    seed: int = 0
    """Of ``shuffled``."""
    chat: bool | None = None
    """Write messages; None: as the first row is."""


def select_file(source: str, output: Path, options: SelectOptions) -> dict[str, JSON]:
    """Write the selected rows of a scored file; gives the counts, also left in OUT.select.json.

    Raises ``ConfigError`` for options that do not fit together and files that are not scored ones,
    ``DataError`` for rows that cannot be read or written.
    """
    check_suffix(output)
    run = _Run(ScoredFile(source), options)
    output.parent.mkdir(parents=True, exist_ok=True)
    rows = run.ordered(output.parent)
    count = write_rows(output, rows, run.schema)
    found = {**run.told(), "written": count, "output": str(output)}
    replace_file(output.with_name(f"{output.name}.select.json"), json.dumps(found, indent=1))
    return found


@dataclass(slots=True)
class _Run:
    """One selection."""

    file: ScoredFile
    options: SelectOptions
    counts: Counter[str] = field(default_factory=Counter)
    versions: dict[str, set[str]] = field(default_factory=dict)
    shaper: Shaper = field(init=False)
    rule: Rule | None = field(init=False)
    _benchmarks: Benchmarks | None = field(init=False, default=None)
    _repeats: Repeats = field(init=False, default_factory=Repeats)

    def __post_init__(self) -> None:
        options = self.options
        self.shaper = Shaper(options.make, options.form, self.file.digest, chat=options.chat)
        self.rule = _rule_of(options)
        if options.decontaminate:
            self._benchmarks = Benchmarks(options.decontaminate, options.ngram)

    def schema(self) -> Any:
        """Of the output, once the first row was made."""
        return schema_of(self.options.make, self.options.form, chat=bool(self.shaper.chat))

    def ordered(self, scratch: Path) -> Iterator[Row]:
        """All rows in the order asked for."""
        if self.options.order == "input":
            for _, rows in self._selected(scratch):
                yield from rows
            return
        with Spill(scratch) as spill:
            for prompt, rows in self._selected(scratch):
                for row in rows:
                    spill.add(self._place(prompt), json_text(row))
            for _, text in spill:
                yield json.loads(text)

    def _place(self, prompt: Prompt) -> float:
        """Where a prompt comes in a curriculum; unknown pass rates in the middle."""
        if self.options.order == "shuffled":
            return float(int(digest([self.options.seed, prompt.first.row.group]), 16) >> 12)
        rate = 0.5 if prompt.pass_rate is None else prompt.pass_rate
        return -rate if self.options.order == "easy_first" else rate

    def _selected(self, scratch: Path) -> Iterator[tuple[Prompt, list[Row]]]:
        for prompt in self.file.prompts(scratch):
            self._count(prompt)
            why = self._left_out(prompt)
            if why:
                self.counts[why] += 1
                continue
            rows = list(self._rows(prompt))
            self.counts["prompts_kept" if rows else "without_a_fit"] += 1
            yield prompt, rows

    def _count(self, prompt: Prompt) -> None:
        self.counts["prompts"] += 1
        self.counts["rows"] += len(prompt.candidates)
        self.counts["judged"] += sum(c.row.value is not None for c in prompt.candidates)
        self.counts["passed"] += sum(c.row.passed is True for c in prompt.candidates)
        for name, said in prompt.first.verdicts().items():
            self.versions.setdefault(name, set()).add(str(said.get("version")))

    def _left_out(self, prompt: Prompt) -> str:
        """Why a filter leaves a prompt out; empty when none does."""
        options, rate = self.options, prompt.pass_rate
        if options.pass_rate is not None:
            low, high = options.pass_rate
            if rate is None or not low <= rate <= high:
                return "other_pass_rate"
        if options.bands and band_of(rate) not in options.bands:
            return "other_band"
        text = _prompt_text(prompt)
        if self._benchmarks is not None and self._benchmarks(text):
            return "contaminated"
        return "repeated" if options.dedup and self._repeats(text) else ""

    def _rows(self, prompt: Prompt) -> Iterator[Row]:
        held = {id(candidate.row): candidate for candidate in prompt.candidates}
        rows = [candidate.row for candidate in prompt.candidates]
        match self.options.make:
            case "prompts":
                yield self.shaper.question(prompt)
            case "dpo":
                for pair in make_pairs(rows, self._pair_rule()):
                    yield self.shaper.pair(prompt, held[id(pair.chosen)], held[id(pair.rejected)])
            case "kto":
                for label in label_rows(rows, self._label_rule()):
                    yield self.shaper.single(prompt, held[id(label.row)], label.desirable)
            case "sft":
                for row in self._kept(prompt, rows):
                    yield self.shaper.single(prompt, held[id(row)])

    def _kept(self, prompt: Prompt, rows: Sequence[ScoredRow]) -> Iterable[ScoredRow]:
        if self.rule in ("majority", "weighted_best_of_n"):
            weighted = self.rule == "weighted_best_of_n"
            winners: list[Candidate] = of_winning_answer(
                prompt.candidates, self.options.answer_from, weighted=weighted
            )
            rows = [candidate.row for candidate in winners]
        return keep_rows(rows, self._keep_rule())

    def _keep_rule(self) -> KeepRule:
        options = self.options
        shared: dict[str, Any] = {
            "at_least": options.at_least,
            "cap_per_prompt": options.cap_per_prompt,
            "failed": options.failed,
            "truncated": options.truncated,
            "k": options.k,
        }
        match self.rule:
            case "all_passed" | "top_k" | "threshold":
                return KeepRule(rule=self.rule, **shared)
            case _:  # one of each prompt, or of each winning answer
                return KeepRule(rule="best_per_prompt", **shared)

    def _pair_rule(self) -> PairRule:
        options = self.options
        return PairRule(
            pairing="all" if self.rule == "all_pairs" else "best_worst",
            margin=options.margin,
            cap_per_prompt=options.cap_per_prompt,
            chosen_passed=not options.failed,
            truncated=options.truncated,
        )

    def _label_rule(self) -> LabelRule:
        options = self.options
        return LabelRule(
            at_least=options.at_least,
            cap_per_label=options.cap_per_prompt,
            truncated=options.truncated,
        )

    def told(self) -> dict[str, JSON]:
        """What was selected, of what, and by which rule."""
        names = ("rows", "prompts", "judged", "passed", "prompts_kept", "without_a_fit")
        filters = ("other_pass_rate", "other_band", "contaminated", "repeated")
        options = self.options
        return {
            "assay": __version__,
            "input": {"name": self.file.name, "digest": self.file.digest},
            "versions": {name: sorted(held) for name, held in self.versions.items()},
            "make": options.make,
            "format": options.form,
            "rule": self.rule,
            "settings": {
                name: getattr(options, name)
                for name in SelectOptions.__dataclass_fields__
                if name not in ("make", "form", "rule")
            },
            **{name: self.counts[name] for name in names},
            "left_out": {name: self.counts[name] for name in filters},
        }


def _rule_of(options: SelectOptions) -> Rule | None:
    fitting = _RULES[options.make]
    rule = options.rule or next(iter(fitting), None)
    if rule is not None and rule not in fitting:
        known = f"one of {', '.join(fitting)}" if fitting else "left out"
        raise ConfigError(f"--rule: for --make {options.make} must be {known}, got {rule!r}")
    if rule == "threshold" and options.at_least is None:
        raise ConfigError("--rule threshold: needs --at-least, the lowest value that is kept")
    return rule


def _prompt_text(prompt: Prompt) -> str:
    """All that the user said, as text: in chats the question may not be the last turn."""
    held = prompt.first.row.prompt
    if isinstance(held, str):
        return held
    said = [m.get("content") for m in held if m.get("role") != "system"]
    return "\n".join(text for text in said if isinstance(text, str))
