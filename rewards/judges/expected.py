"""A score weighted by the probabilities the judge gave to all levels, not by the one it drew.

Source: Liu et al. 2023 (G-Eval, arXiv 2303.16634) section 3: score = Σ p(s) s. Theirs samples 20
times; here p is read from the token of the score, as OpenAI-compatible servers report it. Ours:
the token is found by the place of the ``score`` key's value, the probabilities of the levels are
scaled to sum to one, and the confidence is 1 - Var(p) / Var_max, with Var_max = (high - low)²/4.

Not covered: levels of more than one token, free numbers.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from ...core.errors import ConfigError
from .contract import JudgeReplyError, Reply, Scale, Score, TokenChoice, read_reply

__all__ = ["check_levels", "expected_score"]

_LEAST_MASS = 0.5
"""Probability that must lie on levels; below it the token was not about the score. Ours."""
_KEY = re.compile(r'"score"\s*:\s*"?')


def check_levels(scale: Scale) -> None:
    """Raise ``ConfigError`` unless every level can be told from its first token."""
    names = [] if scale.levels is None else [f"{level:g}" for level in scale.levels]
    if not names or any(len(name) != 1 for name in names):
        raise ConfigError(
            "scale.levels: probabilities need levels of one digit each (0 to 9), got"
            f" {scale.words()}; a longer one may be several tokens"
        )


def expected_score(reply: Reply, scale: Scale) -> Score:
    """The reply's score with τ = Σ p τ over the levels, and φ from the variance of p.

    Raises ``JudgeReplyError`` for a reply without probabilities at its score, or one that cannot
    be read at all; ``ConfigError`` for a scale without levels of one digit.
    """
    check_levels(scale)
    said = read_reply(reply, scale)
    share = _levels(_at_score(reply), scale)
    mass = math.fsum(share.values())
    if mass < _LEAST_MASS:
        raise JudgeReplyError(
            f"judge reply: the levels hold {mass:.3f} of the probability, at least {_LEAST_MASS}"
            " is needed; ask for the score as one of its levels"
        )
    mean = math.fsum(p * level for level, p in share.items()) / mass
    spread = math.fsum(p * (level - mean) ** 2 for level, p in share.items()) / mass
    return Score(
        reasoning=said.reasoning,
        score=min(max(mean, 0.0), 1.0),
        confidence=min(max(1.0 - 4.0 * spread, 0.0), 1.0),
    )


def _levels(choice: TokenChoice, scale: Scale) -> Mapping[float, float]:
    """Level in [0, 1] -> its probability, as far as the reply tells."""
    share: dict[float, float] = {}
    for level in scale.levels or ():
        name = f"{level:g}"
        found = [p for token, p in choice.top.items() if token.strip().strip('"') == name]
        share[scale.to_unit(level)] = math.fsum(math.exp(min(p, 0.0)) for p in found)
    return share


def _at_score(reply: Reply) -> TokenChoice:
    """The token that writes the score's value."""
    if reply.top_logprobs is None:
        raise JudgeReplyError(
            "judge reply: holds no probabilities; the server does not give them, score without"
        )
    keys = list(_KEY.finditer(reply.text))
    if len(keys) != 1:
        raise JudgeReplyError(f"judge reply: names the score {len(keys)} times, so no place is its")
    end = 0
    for choice in reply.top_logprobs:
        end += len(choice.token)
        if end > keys[0].end():
            if re.fullmatch(r'[\s:"]*[0-9]["\s]*', choice.token):
                return choice
            break
    raise JudgeReplyError("judge reply: its score is not one token; score without probabilities")
