"""Prompts as data: Jinja text that can show values and choose between texts, and nothing else.

A prompt is read from a rubric, so it may come from anywhere: only ``{{ name }}``, ``{% if %}`` with
names, ``and``, ``or``, ``not`` and the filter ``trim`` are allowed, which is checked on the parsed
template and not left to the sandbox alone. Values are put in once: what an answer says in braces
is never looked at again. Whatever others wrote comes in as blocks of the fence, never bare.

Not covered: loops, macros, includes and arithmetic, on purpose.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, model_validator

from ...core.errors import did_you_mean
from ...core.settings import Settings

if TYPE_CHECKING:
    from jinja2.sandbox import ImmutableSandboxedEnvironment

__all__ = ["DATA_NAMES", "NAMES", "Prompt"]

NAMES = {
    "category_description": "what the category is about",
    "item": "the item's name",
    "description": "what the item asks for",
    "anchors": "what single scores mean, one a line; empty where the item has none",
    "scores": "the scores that may be given, in words",
    "question": "block: the question",
    "answer": "block: the answer to judge",
    "reference": "block: the ground truth; empty where it is not shown",
    "critique": "block: the critique; empty before there is one",
}
"""What a prompt may show."""
DATA_NAMES = ("question", "answer", "reference", "critique")
"""Those that hold what others wrote; they come fenced."""

_ALLOWED = frozenset(
    {"Template", "Output", "TemplateData", "Name", "If", "Not", "And", "Or", "Filter", "Const"}
)
_MOST_CHARS = 20_000


class Prompt(Settings):
    """A prompt with a version. Raises ``ConfigError`` (as settings) for one that could do more."""

    version: str = Field(min_length=1)
    """Raise it with any change of wording: it is kept with every verdict."""
    purpose: Literal["score", "critique"]
    """``score`` prompts are answered by reasoning, score and confidence; ``critique`` in prose."""
    system: str = Field(min_length=1, max_length=_MOST_CHARS)
    """The judge's role and orders. What the fence is gets added below it."""
    user: str = Field(min_length=1, max_length=_MOST_CHARS)
    """The call itself; it must show ``{{ answer }}``."""

    @model_validator(mode="after")
    def _is_harmless(self) -> Prompt:
        shown = set[str]()
        for part in ("system", "user"):
            shown |= _names_in(getattr(self, part), part)
        in_system = _names_in(self.system, "system") & set(DATA_NAMES)
        if in_system:
            raise ValueError(
                f"system: must not show {sorted(in_system)}: what others wrote is data"
            )
        if "answer" not in shown:
            raise ValueError("user: must show {{ answer }}, or the judge has nothing to judge")
        return self

    def shows(self, name: str) -> bool:
        """Whether the prompt makes use of a name."""
        return name in _names_in(self.user, "user") | _names_in(self.system, "system")

    def render(self, values: Mapping[str, str]) -> tuple[str, str]:
        """(system, user) with every name of ``NAMES`` put in, once."""
        given = {name: values.get(name, "") for name in NAMES}
        return _compiled(self.system).render(given), _compiled(self.user).render(given)


@lru_cache(maxsize=1)
def _environment() -> ImmutableSandboxedEnvironment:
    from jinja2 import StrictUndefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    made = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True
    )
    made.globals.clear()
    made.tests.clear()
    made.filters = {"trim": made.filters["trim"]}
    return made


@lru_cache(maxsize=512)
def _compiled(text: str) -> Any:
    return _environment().from_string(text)


@lru_cache(maxsize=512)
def _names_in(text: str, where: str) -> frozenset[str]:
    """The names a template shows; raises ``ValueError`` for one that does more than show them."""
    from jinja2 import TemplateSyntaxError, nodes

    try:
        tree = _environment().parse(text)
    except TemplateSyntaxError as error:
        raise ValueError(f"{where}, line {error.lineno}: {error.message}") from None
    names = set()
    for node in tree.find_all(nodes.Node):
        kind = type(node).__name__
        if kind not in _ALLOWED:
            raise ValueError(
                f"{where}, line {node.lineno}: {kind} is not allowed in a prompt: it may show"
                " names, and choose with if, and, or, not"
            )
        if isinstance(node, nodes.Filter) and node.name != "trim":
            raise ValueError(f"{where}, line {node.lineno}: no filter {node.name!r} (known: trim)")
        if isinstance(node, nodes.Name):
            names.add(node.name)
            if node.name not in NAMES:
                raise ValueError(
                    f"{where}, line {node.lineno}: no name {node.name!r}"
                    f"{did_you_mean(node.name, NAMES)}"
                )
    return frozenset(names)
