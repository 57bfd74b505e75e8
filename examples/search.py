"""Searching for answers with verifiers: sums, by a scripted writer or by a model on a server.

    python examples/search.py
    python examples/search.py --model qwen3 --base-url http://127.0.0.1:8000/v1

It prints what each search found and spent, and writes preferences between steps, as ``algorithm:
reward_model`` learns them, to ``step_pairs.jsonl``.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from assay import Sample, Scorer
from assay.offline.search import (
    Generator,
    Limits,
    Stepwise,
    TreeSettings,
    Wanted,
    Written,
    best_of_n,
    majority,
    mcts,
    revise,
)

QUESTIONS = ("17+25-8+13", "40-6-9+31", "8+8-3+77")
ASK = "Work this out line by line, one sum a line, and put the answer into \\boxed{{}}: {}"


def scripted(wanted: Sequence[Wanted]) -> list[Written]:
    """Sums line by line, each line wrong in one of four cases."""
    return [_sums(want) for want in wanted]


def _sums(want: Wanted) -> Written:
    chain = re.findall(r"[+-]?\d+", str(want.prompt).partition("\n")[0].rpartition(":")[2])
    done = want.beginning.splitlines()
    total = int(done[-1].rpartition("=")[2]) if done else int(chain[0])
    rng = random.Random(want.seed)  # noqa: S311 - one seed must give one text
    text = ""
    for term in chain[len(done) + 1 :]:
        result = total + int(term) + (rng.random() < 0.25)
        text += f"{total}{term}={result}\n"
        total = result
    return Written(f"{text}\\boxed{{{total}}}", tokens=len(text.splitlines()) + 1)


def main() -> None:
    """Search for an answer to each question in four ways."""
    parser = argparse.ArgumentParser(description="searches with a verifier")
    parser.add_argument("--model")
    parser.add_argument("--base-url")
    parser.add_argument("--out", type=Path, default=Path("step_pairs.jsonl"))
    given = parser.parse_args()
    with ExitStack() as stack:
        generate: Generator = scripted
        if given.base_url:
            from assay.rewards.judges.client import open_judge
            from assay.rewards.judges.generator import JudgeGenerator
            from assay.rewards.judges.settings import JudgeSettings

            settings = JudgeSettings(model=given.model, base_url=given.base_url)
            generate = stack.enter_context(JudgeGenerator(open_judge(settings)))
        search(generate, stack.enter_context(Scorer("math.exact")), given.out)


def search(generate: Generator, scorer: Scorer, out: Path) -> None:
    """Print what is found; write the pairs."""
    steps, pairs = Stepwise(generate, "lines"), []
    tree = TreeSettings(simulations=24)
    for question in QUESTIONS:
        truth = str(sum(map(int, re.findall(r"[+-]?\d+", question))))
        sample = Sample(prompt=ASK.format(question), ground_truth=truth)
        grown = mcts(sample, steps, scorer, settings=tree, limits=Limits(max_calls=60))
        pairs += grown.preferences()
        for found in (
            best_of_n(sample, generate, scorer, n=8),
            majority(sample, generate, scorer, n=8),
            revise(sample, generate, scorer, rounds=8),
            grown,
        ):
            said = (found.text or found.reason).splitlines()[-1]
            passed = "right" if found.passed else "wrong"
            print(f"{question:12} {found.method:10} {said:12} {passed} {found.spent.calls:3} calls")
    out.write_text("".join(json.dumps(pair) + "\n" for pair in pairs))
    print(f"{len(pairs)} pairs of steps in {out}")


if __name__ == "__main__":
    main()
