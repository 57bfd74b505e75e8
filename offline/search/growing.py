"""Monte Carlo tree search over the steps of an answer, as rStar-Math does it.

A simulation walks down by UCT, asks for steps where it arrives, keeps those that ``check`` finds to
hold (a program that runs in the sandbox, say), writes one of them to an answer, has it judged, and
carries +1 or -1 back up. Sources: Kocsis and Szepesvári 2006 (UCT); Coulom 2007, Couëtoux et al.
2011 (progressive widening); Guan et al. 2025 (rStar-Math, arXiv 2501.04519), 3.2: code-augmented
steps, terminal-guided Q, and with ``process`` PPM-augmented Q.

Differs from rStar-Math: the first value of a node counts as one visit, so that Q stays in [-1, 1];
the way from a new node to the end is a roll-out that does not become part of the tree. Ours: an
answer without a value is no visit, it only makes its path less attractive to walk again.

Not covered: trees that share work (transpositions), virtual losses, searching several questions at
a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from ...core.errors import ConfigError
from ...core.generation import Generator
from ...core.scorer import Scorer
from ...core.types import Reward, Sample
from .desk import Check, Desk, Draft
from .limits import Limits
from .results import Candidate, best
from .tree import TreeNode, TreeResult, TreeSettings, uct

__all__ = ["Worth", "mcts", "worth_of"]

Worth: TypeAlias = Callable[[Reward], float | None]
"""A reward as a number in [-1, 1]; None: no judgement."""


def worth_of(reward: Reward) -> float | None:
    """+1 for an answer that passed and -1 for one that did not; without a bar ``2 value - 1``.

    Raises ``ConfigError`` for a reward without a bar whose value lies outside [0, 1].
    """
    if reward.value is None:
        return None
    if reward.passed is not None:
        return 1.0 if reward.passed else -1.0
    if not 0.0 <= reward.value <= 1.0:
        raise ConfigError(
            f"mcts: a reward without a bar must lie in [0, 1], got {reward.value}; give worth, a"
            " function from rewards to [-1, 1]"
        )
    return 2.0 * reward.value - 1.0


def mcts(
    sample: Sample,
    generate: Generator,
    scorer: Scorer,
    *,
    settings: TreeSettings | None = None,
    process: Scorer | None = None,
    check: Check | None = None,
    worth: Worth = worth_of,
    limits: Limits | None = None,
    seed: int = 0,
) -> TreeResult:
    """The best answer that a tree search met, and the tree with its Q values.

    Args:
        generate: writes single steps, and answers to their end.
        scorer: judges whole answers; one cut off counts as ``truncated``.
        process: judges new beginnings, once; and in place of ``scorer`` where a roll-out stops
            before its end.
        check: says whether the last step of a beginning holds. A step that does not, is no node;
            where all of them fail the beginning is worth -1. None: every step is taken.
        worth: rewards of both scorers as numbers in [-1, 1].

    Raises ``ConfigError`` for settings that need ``process``, a worth outside [-1, 1], and where
    the generator or ``check`` breaks its contract.
    """
    chosen = settings or TreeSettings()
    if chosen.rollout_steps == 0 and process is None:
        raise ConfigError("mcts.rollout_steps: 0 judges beginnings, so it needs process")
    desk = Desk(sample, generate, limits, seed, "mcts")
    tree = _Tree(desk, chosen, scorer=scorer, process=process, check=check, worth=worth)
    tree.grow()
    return tree.result()


@dataclass(slots=True)
class _Node:
    text: str = ""
    step: str = ""
    depth: int = 0
    draft: Draft | None = None
    """Of a finished node."""
    prior: float | None = None
    asked: int = 0
    visits: int = 0
    faults: int = 0
    total: float = 0.0
    right: bool = False
    wrong: bool = False
    children: list[_Node] = field(default_factory=list)

    @property
    def is_new(self) -> bool:
        return not self.visits and not self.faults

    @property
    def tries(self) -> int:
        """N of the formula: faults count, so that a text that breaks its verifier is not walked
        for ever; a prior counts once."""
        return self.visits + self.faults + (self.prior is not None)

    @property
    def q(self) -> float:
        known = self.visits + (self.prior is not None)
        return ((self.prior or 0.0) + self.total) / known if known else 0.0

    def frozen(self) -> TreeNode:
        return TreeNode(
            text=self.text,
            step=self.step,
            depth=self.depth,
            visits=self.visits,
            faults=self.faults,
            q=self.q,
            prior=self.prior,
            finished=self.draft is not None,
            led_right=self.right,
            led_wrong=self.wrong,
            children=tuple(child.frozen() for child in self.children),
        )


class _Tree:
    def __init__(
        self,
        desk: Desk,
        settings: TreeSettings,
        *,
        scorer: Scorer,
        process: Scorer | None,
        check: Check | None,
        worth: Worth,
    ) -> None:
        self._desk, self._settings = desk, settings
        self._scorer, self._process = scorer, process
        self._check, self._worth = check, worth
        self._root = _Node()
        self._answers: dict[Draft, Candidate] = {}

    def grow(self) -> None:
        """Simulation after simulation, until there are enough or a limit is reached."""
        for _ in range(self._settings.simulations):
            if not self._simulate():
                return

    def result(self) -> TreeResult:
        candidates = tuple(self._answers.values())
        found = self._desk.result(candidates, best(candidates))
        return TreeResult(
            method=found.method,
            chosen=found.chosen,
            candidates=candidates,
            spent=found.spent,
            left_out=found.left_out,
            reason=found.reason,
            root=self._root.frozen(),
            prompt=self._desk.sample.prompt,
        )

    # one simulation -----------------------------------------------------------------------

    def _simulate(self) -> bool:
        """One walk down and back; False where a limit ends the search."""
        path = self._select()
        while self._grows(path[-1]):
            new, worth = self._expand(path[-1])
            if new:
                path.append(max(new, key=lambda node: node.q))  # of equals the first
                break
            if self._desk.stopped:
                return False
            if not path[-1].children:
                _carry_back(path, worth, None)
                return True
            path = self._select()  # it has all its children now, though none of them is new
        said = self._evaluate(path[-1])
        if said.worth is not None or not self._desk.stopped:
            _carry_back(path, said.worth, said.passed)
        return not self._desk.stopped

    def _select(self) -> list[_Node]:
        """From the root to the first node that is new, finished, or may have more children."""
        path = [self._root]
        while path[-1].children and not self._missing(path[-1]):
            node = path[-1]
            tries, c = max(node.tries, 1), self._settings.c
            path.append(max(node.children, key=lambda ch: uct(ch.q, ch.tries, tries, c)))
            if path[-1].draft is not None:
                break
        return path

    def _grows(self, node: _Node) -> bool:
        """A new node is judged before it grows."""
        if node.draft is not None or node.depth >= self._settings.max_depth:
            return False
        return node is self._root or bool(node.children) or not node.is_new

    def _missing(self, node: _Node) -> int:
        """Steps that may be asked for at a node, beyond those that were."""
        allowed = self._settings.allowed(node.tries)
        return max(allowed - node.asked, 0) if node.children else allowed

    def _expand(self, node: _Node) -> tuple[list[_Node], float | None]:
        """The new children; where there are none, what that says of the node."""
        wanted = self._missing(node)
        node.asked += wanted
        known = {child.text for child in node.children}
        grown: dict[str, _Node] = {}
        for _, written in self._desk.write([node.text] * wanted, "step"):
            text = node.text + written.text
            draft = Draft(text, True, written.truncated) if written.finished else None
            if text not in known:
                child = _Node(text=text, step=written.text, depth=node.depth + 1, draft=draft)
                grown.setdefault(text, child)
        held, worth = self._holding(list(grown.values()))
        self._say_priors(held)
        node.children += held
        return held, worth

    def _holding(self, new: list[_Node]) -> tuple[list[_Node], float | None]:
        """The nodes whose step holds. Without any: -1 if they are wrong, None if not known."""
        if self._check is None or not new:
            return new, None
        said = self._desk.check(self._check, [node.text for node in new])
        held = [node for node, holds in zip(new, said, strict=True) if holds]
        return held, None if None in said else -1.0

    def _say_priors(self, new: list[_Node]) -> None:
        going = [node for node in new if node.draft is None]
        if self._process is None or not going:
            return
        drafts = [Draft(node.text, finished=False) for node in going]
        for node, said in zip(going, self._desk.judge(self._process, drafts), strict=True):
            node.prior = self._worth_of(said)

    # what a node is worth -----------------------------------------------------------------

    def _evaluate(self, node: _Node) -> _Said:
        if node.draft is not None:
            return self._judged(node.draft)
        if self._settings.rollout_steps == 0:
            return _Said(node.prior)
        end = self._rolled_out(node.text)
        return end if isinstance(end, _Said) else self._judged(end)

    def _rolled_out(self, text: str) -> Draft | _Said:
        """An answer that begins so, or what kept it from being written."""
        steps = self._settings.rollout_steps
        if steps is None:
            for _, written in self._desk.write([text], "end"):
                cut = written.truncated or not written.finished
                return Draft(text + written.text, True, cut)
            return _Said(None)
        for _ in range(steps):
            found = self._desk.write([text], "step")
            if not found:
                return _Said(None)
            written = found[0][1]
            text += written.text
            held = [True] if self._check is None else self._desk.check(self._check, [text])
            if held != [True]:
                return _Said(-1.0 if held == [False] else None)
            if written.finished:
                return Draft(text, True, written.truncated)
        return Draft(text, finished=False, truncated=self._process is None)

    def _judged(self, draft: Draft) -> _Said:
        """By the scorer, equal answers once; a beginning by ``process`` where there is one."""
        if not draft.finished and self._process is not None:
            [said] = self._desk.judge(self._process, [draft])
            return _Said(self._worth_of(said))
        if draft not in self._answers:
            [said] = self._desk.judge(self._scorer, [draft])
            if said.reward is None:
                return _Said(None)
            self._answers[draft] = said
        known = self._answers[draft]
        return _Said(self._worth_of(known), known.passed if known.score is not None else None)

    def _worth_of(self, said: Candidate) -> float | None:
        if said.reward is None or said.reward.value is None:
            return None
        worth = self._worth(said.reward)
        if worth is not None and not -1.0 <= worth <= 1.0:
            raise ConfigError(f"mcts.worth: must give numbers in [-1, 1] or None, got {worth}")
        return worth


@dataclass(frozen=True, slots=True)
class _Said:
    """What a simulation ends with."""

    worth: float | None
    """In [-1, 1]; None: no judgement."""
    passed: bool | None = None
    """Of a judged answer."""


def _carry_back(path: list[_Node], worth: float | None, passed: bool | None) -> None:
    """Add a judgement to every node of a path; rStar-Math: q(s) += q(end), N(s) += 1."""
    for node in path:
        if worth is None:
            node.faults += 1
            continue
        node.visits += 1
        node.total += worth
        node.right |= passed is True
        node.wrong |= passed is False
