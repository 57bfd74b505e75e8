"""Prompts that are left out: repeated ones, those of a benchmark, those of the wrong difficulty.

Texts are compared as words: Unicode NFKC, case folded, letters, digits and underscores only.

Decontamination: a prompt that shares any run of ``n`` words with a question of a given file is left
out. Source: GPT-3 (Brown et al. 2020, arXiv 2005.14165), appendix C, where n = 13 for most
benchmarks. Ours: a question of fewer than n words is matched by equal words only.

Not covered: near-duplicates without a common run of words, translations, and benchmark answers.
"""

from __future__ import annotations

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence

from ...core.errors import ConfigError, DataError
from ...core.types import Sample
from ..adapters import open_reading
from ..read import Unreadable, open_dataset

__all__ = ["BANDS", "NGRAM", "Benchmarks", "Repeats", "band_of", "words_of"]

NGRAM = 13
"""GPT-3, appendix C."""

BANDS = ("never", "hard", "medium", "easy", "always")
"""By pass rate: 0; up to 1/4; between; from 3/4; 1. Ours."""

_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """The words of a text, as they are compared."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _mark(words: Sequence[str]) -> bytes:
    text = " ".join(words).encode("utf-8", "backslashreplace")
    return hashlib.blake2b(text, digest_size=8).digest()


def band_of(pass_rate: float | None) -> str | None:
    """The band of difficulty of a prompt; None where nothing passed or failed."""
    if pass_rate is None:
        return None
    if pass_rate in (0.0, 1.0):
        return "never" if pass_rate == 0.0 else "always"
    return "hard" if pass_rate <= 0.25 else "easy" if pass_rate >= 0.75 else "medium"


class Repeats:
    """Tells prompts that were there before."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def __call__(self, prompt: str) -> bool:
        """Whether a prompt with these words came before; remembers it."""
        mark = _mark(words_of(prompt))
        if mark in self._seen:
            return True
        self._seen.add(mark)
        return False


class Benchmarks:
    """The questions of some files, as runs of ``n`` words."""

    def __init__(self, files: Sequence[str], n: int = NGRAM) -> None:
        """Raises ``ConfigError`` for a file without questions, ``DataError`` for bad rows."""
        if n < 1:
            raise ConfigError(f"--ngram: must be >= 1, got {n}")
        self._n = n
        self._runs: set[bytes] = set()
        self._short: set[bytes] = set()
        for file in files:
            self._read(file)

    def _read(self, file: str) -> None:
        questions = 0
        for text in _questions(file):
            words = words_of(text)
            if not words:
                continue
            questions += 1
            if len(words) < self._n:
                self._short.add(_mark(words))
            else:
                self._runs.update(self._marks(words))
        if not questions:
            raise ConfigError(f"{file}: --decontaminate: no row has a question")

    def _marks(self, words: Sequence[str]) -> Iterator[bytes]:
        return (_mark(words[i : i + self._n]) for i in range(len(words) - self._n + 1))

    def __call__(self, prompt: str) -> bool:
        """Whether a prompt shares a run of words with a question."""
        words = words_of(prompt)
        if _mark(words) in self._short:
            return True
        return any(mark in self._runs for mark in self._marks(words))


def _questions(file: str) -> Iterator[str]:
    dataset = open_dataset(file)
    # no completions are wanted here: the reference stands in, and is not looked at
    reading = open_reading(dataset.names(), dataset.peek(), dataset.name, gold="own")
    for number, row in itertools.chain(dataset.rows()):
        if isinstance(row, Unreadable):
            raise DataError(f"{file}: --decontaminate: {dataset.unit} {number}: {row.why}")
        yield Sample(prompt=reading.prompt_of(row)).prompt_text
