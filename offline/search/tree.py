"""A finished search tree: what each step is worth, and what can be learned from it.

Shapes: N(s) visits, Q(s) in [-1, 1]. Sources: Kocsis and Szepesvári 2006 (UCT); Guan et al. 2025
(rStar-Math, arXiv 2501.04519), 3.2 and 3.3: Q(s) = q(s)/N(s), terminal-guided back-propagation of
+1 and -1, the two best and two worst steps of a beginning as preferences.

Not covered: growing a tree (``growing``), and training on what comes out (``algorithm:
reward_model`` takes ``step_preferences`` as they are).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from ...core.errors import ConfigError
from ...core.settings import Settings
from ...core.step_pairs import Candidate as Way
from ...core.step_pairs import step_pairs
from ...core.types import Message
from .results import SearchResult

__all__ = [
    "TreeNode",
    "TreeResult",
    "TreeSettings",
    "step_preferences",
    "stepwise_rows",
    "uct",
]


def uct(q: float, visits: int, parent_visits: int, c: float) -> float:
    """``Q(s) + c sqrt(ln N_parent / N(s))``; infinite for a node that was never visited.

    Source: Kocsis and Szepesvári 2006; rStar-Math, Eq. 1. Raises ``ConfigError`` for negative
    visits and for a visited node whose parent was not.
    """
    if visits < 0 or (visits > 0 and parent_visits < 1):
        raise ConfigError(
            f"uct: visits must be >= 0, and the parent's >= 1, got {visits} and {parent_visits}"
        )
    if visits == 0:
        return math.inf
    return q + c * math.sqrt(math.log(parent_visits) / visits)


class TreeSettings(Settings):
    """How a tree grows."""

    simulations: int = Field(default=64, ge=1)
    """Walks from the root to a new or finished node and back. Ours."""
    children: int = Field(default=4, ge=1)
    """Steps asked for at a node; with ``widen``, the most of them. Ours."""
    widen: float | None = Field(default=None, gt=0)
    """Progressive widening: at N visits a node may have ``ceil(widen * N ** alpha)`` children
    (Couëtoux et al. 2011). None: all at once."""
    alpha: float = Field(default=0.5, ge=0, le=1)
    """For ``widen``."""
    c: float = Field(default=math.sqrt(2), ge=0)
    """Exploration. UCB1's √2 (Auer et al. 2002), which is for rewards in [0, 1]; Q spans twice
    that."""
    max_depth: int = Field(default=16, ge=1, le=256)
    """Most steps in the tree; deeper nodes do not grow, and are rolled out. Ours."""
    rollout_steps: int | None = Field(default=None, ge=0)
    """Steps written beyond a new node before it is judged. None: its answer is written to the end
    at once. 0: it is judged as it stands, which needs ``process``."""

    def allowed(self, visits: int) -> int:
        """The number of children that a node may have been asked for."""
        if self.widen is None:
            return self.children
        return min(math.ceil(self.widen * math.pow(max(visits, 1), self.alpha)), self.children)


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeNode:
    """A beginning of an answer, after the search."""

    text: str
    """The answer up to here."""
    step: str
    """What this node added to its parent's text."""
    depth: int
    """Steps from the root, which is 0."""
    visits: int
    """Simulations through it that ended in a judgement: N."""
    faults: int
    """Simulations through it that ended in none."""
    q: float
    """Mean worth of those simulations (and of ``prior``, counted once), in [-1, 1]; 0 where there
    are none."""
    prior: float | None
    """What the process scorer said of it when it was new, in [-1, 1]."""
    finished: bool
    led_right: bool
    """An answer that begins with it passed."""
    led_wrong: bool
    """An answer that begins with it did not pass."""
    children: tuple[TreeNode, ...]
    """In the order in which they were written."""

    def walk(self) -> Iterator[TreeNode]:
        """This node and all below it, parents first."""
        waiting: list[TreeNode] = [self]
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(reversed(node.children))


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeResult(SearchResult):
    """What ``mcts`` gives back."""

    root: TreeNode
    prompt: str | Sequence[Message] = ""

    def preferences(self, **options: Any) -> list[dict[str, Any]]:
        """``step_preferences`` of this tree."""
        return step_preferences(self.root, self.prompt, **options)


def step_preferences(
    root: TreeNode,
    prompt: str | Sequence[Message],
    *,
    each: int = 2,
    margin: float = 0.0,
    visits: int = 1,
    outcomes: bool = True,
) -> list[dict[str, Any]]:
    """``prompt``, ``chosen``, ``rejected``, ``margin``: at each beginning the best steps by Q
    against the worst.

    Args:
        each: so many from the top and from the bottom. 2 is rStar-Math's.
        margin: smallest difference of two Q, which may be as large as 2.
        visits: a step judged less often is left out: its Q is noise.
        outcomes: only steps that led to an answer that passed are chosen, and only steps that led
            to one that did not are rejected, as in rStar-Math. Needs a scorer with a bar.

    Differs from rStar-Math: the last step is paired as the others are, at one beginning; it pairs
    whole trajectories there. Raises ``ConfigError`` as ``step_pairs``.
    """
    rows = []
    for node in root.walk():
        ways = {
            child.text: child for child in node.children if child.step and child.visits >= visits
        }
        fit = [
            Way(c.step, c.q) for c in ways.values() if not outcomes or c.led_right or c.led_wrong
        ]
        for row in step_pairs(prompt, node.text, fit, each=each, margin=margin):
            good, bad = ways[_text(row["chosen"])], ways[_text(row["rejected"])]
            if not outcomes or (good.led_right and bad.led_wrong):
                rows.append(row)
    return rows


def _text(said: Any) -> str:
    return str(said if isinstance(said, str) else said[-1]["content"])


def stepwise_rows(root: TreeNode, prompt: str | Sequence[Message]) -> list[dict[str, Any]]:
    """A row for each finished answer in the tree: ``prompt``, ``completions`` (its steps),
    ``labels`` (Q > 0) and ``soft`` ((Q + 1) / 2), the layout of ``label_steps``' rows.

    Answers with a step that was never judged are left out.
    """
    rows = []
    paths = [(root, list[TreeNode]())]
    while paths:
        node, steps = paths.pop()
        if node.finished and all(step.visits for step in steps):
            rows.append(
                {
                    "prompt": prompt,
                    "completions": [step.step for step in steps],
                    "labels": [step.q > 0 for step in steps],
                    "soft": [(step.q + 1) / 2 for step in steps],
                }
            )
        paths.extend((child, [*steps, child]) for child in reversed(node.children))
    return rows
