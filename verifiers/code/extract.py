"""The program in an answer: Markdown, chat, or bare code.

Covered: fences of three or more backticks or tildes, language tags, several blocks, a fence that is
never closed, answers without a fence, byte order marks. Nothing is parsed as a program here: the
text is hostile, so only lines are looked at.

Not covered: transcripts of an interactive session (``>>>``), which are no programs and are refused
by that name; notebooks; code in HTML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from .languages import Language, language_named

__all__ = ["Block", "Extracted", "Which", "defines", "extract", "fenced_blocks"]

Which = Literal["last", "longest", "joined"]

MAX_CHARS = 1 << 20
_FENCE = re.compile(r"([ \t]{0,12})(`{3,}|~{3,})([^`\r\n]*)\r?")
_WORD = re.compile(r"[\w+#.-]+")


@dataclass(frozen=True, slots=True)
class Extracted:
    """A program, or why there is none."""

    code: str
    how: str
    """``fence``, ``open fence``, ``whole`` or ``none``."""
    why_not: str = ""


@dataclass(slots=True)
class Block:
    """A fenced block of Markdown."""

    tag: str
    lines: list[str]
    closed: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def extract(text: str, language: Language, entry_point: str | None, which: Which) -> Extracted:
    """The program of an answer.

    Of several blocks those of the language (or without a tag) count, and among them those that
    define the entry point; ``which`` then says which one is meant.
    """
    if len(text) > MAX_CHARS:
        return Extracted("", "none", f"the answer is longer than {MAX_CHARS} characters")
    blocks = [b for b in fenced_blocks(text) if "".join(b.lines).strip()]
    if not blocks:
        return _whole(text.removeprefix("\ufeff"), language)
    fitting = _fitting(blocks, language)
    if not fitting:
        tags = ", ".join(sorted({b.tag[:20] for b in blocks}))
        return Extracted("", "none", f"no block of {language.name}, only of {tags}")
    if which == "joined":
        return _checked("\n".join(b.text for b in fitting), "fence", language)
    if entry_point is not None and language.name == "python":
        fitting = [b for b in fitting if defines(b.text, entry_point)] or fitting
    chosen = fitting[-1] if which == "last" else max(fitting, key=lambda b: len(b.text))
    return _checked(chosen.text, "fence" if chosen.closed else "open fence", language)


def defines(code: str, name: str) -> bool:
    """Whether some line at the left edge binds the name: def, class, assignment or import."""
    word = re.escape(name)
    bound = rf"^(?:(?:async[ \t]+)?def|class)[ \t]+{word}\b|^{word}[ \t]*(?::[^=\n]*)?=(?!=)"
    imported = rf"^(?:from[ \t]+\S+[ \t]+)?import\b[^\n]*\b{word}\b"
    return re.search(f"{bound}|{imported}", code, re.MULTILINE) is not None


def _fitting(blocks: list[Block], language: Language) -> list[Block]:
    """Blocks tagged as the language; else untagged ones; tags nobody knows count as none."""
    known = [(block, language_named(block.tag)) for block in blocks]
    mine = [block for block, named in known if named is language]
    if mine:
        return mine
    family = {"c": "cpp", "cpp": "c"}.get(language.name)
    return [b for b, named in known if named is None or named.name == family]


def fenced_blocks(text: str) -> list[Block]:
    """Fenced blocks in order; a fence that is never closed ends with the text."""
    blocks: list[Block] = []
    open_: Block | None = None
    fence, indent = "", ""
    for line in text.removeprefix("\ufeff").split("\n"):
        # a quick look first: most lines are code
        match = _FENCE.fullmatch(line) if "```" in line or "~~~" in line else None
        if open_ is None:
            if match is not None:
                word = _WORD.search(match[3])
                open_, indent, fence = (
                    Block(word[0].lower() if word else "", []),
                    *match.group(1, 2),
                )
                blocks.append(open_)
        elif match and match[2].startswith(fence) and not match[3].strip():
            open_.closed, open_ = True, None
        else:  # a block inside a list item is indented as its fence is
            open_.lines.append(line.removeprefix(indent))
    return blocks


def _whole(text: str, language: Language) -> Extracted:
    """An answer without a fence is a program if a line begins as one of the language does."""
    if not text.strip():
        return Extracted("", "none", "the answer is empty")
    lines = [line for line in text.split("\n") if line.strip()]
    indented = all(line[0] in " \t" for line in lines)
    looks = language.marks == () or any(
        line.lstrip().startswith(language.marks) or re.match(r"\w[\w., ]*=[^=]", line)
        for line in lines
    )
    if not looks and not indented and not _short_code(lines):
        return Extracted("", "none", f"no code block, and no line that looks like {language.name}")
    return _checked(text, "whole", language)


def _short_code(lines: list[str]) -> bool:
    """A line or two with brackets or semicolons and no sentence."""
    return len(lines) <= 3 and all(re.search(r"[(){};=]", line) for line in lines)


def _checked(code: str, how: str, language: Language) -> Extracted:
    if language.name == "python" and re.match(r"\s*>>> ", code):
        return Extracted("", "none", "the code is a transcript (>>>) and not a program")
    return Extracted(code.removeprefix("\ufeff"), how)
