"""From characters to tokens: which token ends a step, and what a step's tokens add up to.

Covered: pure index work for process rewards. Not covered: finding steps in a text (the source that
scores them gives their spans), and tokenizing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from ...core.errors import ConfigError

__all__ = ["offsets", "step_sums", "token_ends"]


def offsets(pieces: Sequence[str]) -> list[tuple[int, int]]:
    """The character span of each token, from its text; the pieces put together are the text."""
    spans, place = [], 0
    for piece in pieces:
        spans.append((place, place + len(piece)))
        place += len(piece)
    return spans


def token_ends(
    tokens: Sequence[str] | Sequence[tuple[int, int]], char_ends: Sequence[int]
) -> list[int]:
    """The 0-based index of the token that holds the last character of each step.

    ``tokens`` are the tokens' texts, or their (start, end) spans in characters. ``char_ends`` are
    one past the last character (``Step.end``; 0 counts as 1). Tokens without characters hold
    none. Of several tokens that share one character (bytes of an emoji) it is the last; a character
    that no span covers (a space some tokenizers drop) goes to the token before it, or else to the
    first.
    Raises ``ConfigError`` for an end that no token reaches: text and tokens are then not the same.
    """
    spans = _spans(tokens)
    wide = [(start, end, i) for i, (start, end) in enumerate(spans) if end > start]
    starts = [start for start, _, _ in wide]
    reach = max((end for _, end, _ in wide), default=0)
    found = []
    for char_end in char_ends:
        if not (wide and 0 <= char_end <= reach):
            raise ConfigError(f"token_ends: an end must lie in [0, {reach}], got {char_end}")
        found.append(wide[max(bisect_right(starts, char_end - 1) - 1, 0)][2])
    return found


def _spans(tokens: Sequence[str] | Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    texts = [token for token in tokens if isinstance(token, str)]
    spans = [token for token in tokens if not isinstance(token, str)]
    if texts and spans:
        raise ConfigError("token_ends.tokens: must be all texts or all spans, got both")
    return spans or offsets(texts)


def step_sums(values: Sequence[float], ends: Sequence[int]) -> list[float]:
    """The sum of token values over each step: after the last step's end, up to and with its own.

    Half-open, so that a boundary token counts once (the printed formula of implicit process rewards
    counts it twice) and the sums of steps up to the last token add up to the sum of all tokens.
    ``ends`` rise and are 0-based, as ``token_ends`` gives them; raises ``ConfigError``.
    Source: Yuan et al. 2024 (arXiv 2412.01981). Differs: the bound.
    """
    found, start = [], 0
    for end in ends:
        if not start <= end < len(values):
            raise ConfigError(
                f"step_sums.ends: must rise within [0, {len(values)}), got {list(ends)}"
            )
        found.append(sum(values[start : end + 1]))
        start = end + 1
    return found
