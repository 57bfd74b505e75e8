"""``assay select``: words in, ``select_file`` called, counts out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from .options import AsJson, print_json

__all__ = ["select"]


class MakeChoice(StrEnum):
    """What is made."""

    SFT = "sft"
    DPO = "dpo"
    KTO = "kto"
    PROMPTS = "prompts"


class RuleChoice(StrEnum):
    """Which completions."""

    ALL_PASSED = "all_passed"
    BEST_OF_N = "best_of_n"
    TOP_K = "top_k"
    THRESHOLD = "threshold"
    WEIGHTED_BEST_OF_N = "weighted_best_of_n"
    MAJORITY = "majority"
    BEST_WORST = "best_worst"
    ALL_PAIRS = "all_pairs"


class FormChoice(StrEnum):
    """Whose rows."""

    TRL = "trl"
    VERL = "verl"


class OrderChoice(StrEnum):
    """In which order."""

    INPUT = "input"
    EASY_FIRST = "easy_first"
    HARD_FIRST = "hard_first"
    SHUFFLED = "shuffled"


class BandChoice(StrEnum):
    """How difficult."""

    NEVER = "never"
    HARD = "hard"
    MEDIUM = "medium"
    EASY = "easy"
    ALWAYS = "always"


Scored = Annotated[
    str, typer.Argument(metavar="SCORED", help="What assay score wrote; or a folder of that.")
]
Output = Annotated[Path, typer.Option("--output", "-o", help="OUT.parquet or OUT.jsonl.")]
Made = Annotated[MakeChoice, typer.Option(help="Examples, pairs, labelled rows, or prompts alone.")]
Rule = Annotated[
    RuleChoice | None,
    typer.Option(help="sft: the first six (default all_passed); dpo: the last two."),
]
Form = Annotated[FormChoice, typer.Option("--format", help="Whose rows.")]
HowMany = Annotated[int, typer.Option("-k", min=1, help="For top_k.")]
AtLeast = Annotated[
    float | None, typer.Option(help="Lowest value kept; kto: the lowest desirable one.")
]
Margin = Annotated[float, typer.Option(min=0, help="Smallest difference of a pair.")]
Cap = Annotated[int, typer.Option(min=0, help="Most rows of one prompt; 0: no cap.")]
Failed = Annotated[
    bool, typer.Option("--failed", help="A failed completion may be the best there is.")
]
Truncated = Annotated[
    bool, typer.Option("--truncated", help="One that was cut off may be imitated.")
]
AnswerFrom = Annotated[
    str | None, typer.Option(help="Whose verdicts tell final answers, for votes.")
]
PassRate = Annotated[
    str | None, typer.Option(metavar="LOW:HIGH", help="Prompts whose pass rate lies there.")
]
Bands = Annotated[
    list[BandChoice] | None, typer.Option(help="Prompts of this difficulty. Repeatable.")
]
Dedup = Annotated[bool, typer.Option("--dedup", help="Leave out repeated prompts.")]
Decontaminate = Annotated[
    list[str] | None,
    typer.Option(metavar="FILE", help="Leave out prompts like its questions. Repeatable."),
]
Ngram = Annotated[int, typer.Option(min=1, help="Words in a row that make it alike.")]
Order = Annotated[OrderChoice, typer.Option(help="By pass rate, or not.")]
Seed = Annotated[int, typer.Option(help="Of shuffled.")]
Chat = Annotated[
    bool | None, typer.Option("--chat/--text", help="Messages or text; default: as it is.")
]


def select(
    scored: Scored,
    *,
    output: Output,
    make: Made = MakeChoice.SFT,
    rule: Rule = None,
    form: Form = FormChoice.TRL,
    k: HowMany = 2,
    at_least: AtLeast = None,
    margin: Margin = 0.0,
    cap: Cap = 4,
    failed: Failed = False,
    truncated: Truncated = False,
    answer_from: AnswerFrom = None,
    pass_rate: PassRate = None,
    band: Bands = None,
    dedup: Dedup = False,
    decontaminate: Decontaminate = None,
    ngram: Ngram = 13,
    order: Order = OrderChoice.INPUT,
    seed: Seed = 0,
    chat: Chat = None,
    as_json: AsJson = False,
) -> None:
    """Make training data of a scored file: SFT, DPO and KTO rows, or prompts for RL.

    Example: assay select scored.parquet -o pairs.parquet --make dpo --margin 0.5
    """
    from ..offline.select.run import SelectOptions, select_file

    options = SelectOptions(
        make=make.value,
        rule=rule.value if rule else None,
        form=form.value,
        k=k,
        at_least=at_least,
        margin=margin,
        cap_per_prompt=cap or None,
        failed=failed,
        truncated=truncated,
        answer_from=answer_from,
        pass_rate=_span(pass_rate),
        bands=tuple(one.value for one in band or ()),
        dedup=dedup,
        decontaminate=tuple(decontaminate or ()),
        ngram=ngram,
        order=order.value,
        seed=seed,
        chat=chat,
    )
    found = select_file(scored, output, options)
    print_json(found) if as_json else _show(found)


def _span(text: str | None) -> tuple[float, float] | None:
    """``"0.2:0.8"`` as two numbers; raises ``ConfigError``."""
    from ..core.errors import ConfigError

    if text is None:
        return None
    try:
        low, high = (float(word) for word in text.split(":"))
    except ValueError:
        low, high = 1.0, 0.0
    if not 0.0 <= low <= high <= 1.0:
        raise ConfigError(
            f"--pass-rate: must be LOW:HIGH within 0:1, such as 0.2:0.8, got {text!r}"
        )
    return low, high


def _show(found: Mapping[str, Any]) -> None:
    rule = f" by {found['rule']}" if found["rule"] else ""
    typer.echo(
        f"{found['output']}: {found['written']} rows ({found['make']}{rule}, {found['format']}),"
        f" of {found['prompts_kept']} prompts"
    )
    typer.echo(
        f"there were {found['rows']} rows of {found['prompts']} prompts: {found['judged']} judged,"
        f" {found['passed']} passed; {found['without_a_fit']} prompts have no fitting row"
    )
    out = ", ".join(f"{n} {why.replace('_', ' ')}" for why, n in found["left_out"].items() if n)
    if out:
        typer.echo(f"prompts left out: {out}")
