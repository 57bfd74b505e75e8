"""Peers' own graders, run from their checkouts: nothing of them is copied or kept.

``peers.checkout`` finds each in the folder that the environment variable ``FOLDER`` names (the
command's ``--peers``). Where a peer has its own extraction, that reads the response; the others
get the last box, or the whole response where there is none. Ground truths lose their dollars and
box, which these graders do not expect; verl's prime_math and rllm take them as they are. Not
covered: peers that need a service or a model. They need ``pylatexenc word2number fire``.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .peers import checkout
from .text import boxed

__all__ = ["FOLDER", "PEER_GRADERS", "Grade", "load"]

FOLDER = "ASSAY_BENCHMARK_PEERS"
Grade = Callable[[str, str], tuple[bool, str]]


@dataclass(frozen=True, slots=True)
class _Peer:
    """What to take of a checkout, where imports start, what to import, and how to judge."""

    repository: str
    paths: tuple[str, ...]
    roots: tuple[str, ...]
    modules: tuple[str, ...]
    judge: Callable[..., Any]
    """From (module..., ground truth, response) to something true if they are equal."""


def load(name: str) -> Grade:
    """The grader; raises SystemExit if its checkout is missing, ImportError if a package is."""
    peer = PEER_GRADERS[name]
    found = checkout(Path(os.environ[FOLDER]), peer.repository)
    if found is None:
        raise SystemExit(f"--peers: no checkout of {peer.repository} in {os.environ[FOLDER]}")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as copy:
        command = ["git", "-C", str(found), "archive", "HEAD", "--", *peer.paths]
        packed = subprocess.run(command, capture_output=True, check=True)
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
            files.extractall(copy, filter="data")
        sys.path[:0] = [str(Path(copy, root)) for root in peer.roots]
        try:
            modules = [importlib.import_module(module) for module in peer.modules]
        finally:
            del sys.path[: len(peer.roots)]

    def grade(gold: str, response: str) -> tuple[bool, str]:
        with contextlib.redirect_stdout(io.StringIO()):
            return bool(peer.judge(*modules, gold, response)), "peer"

    return grade


def _bare(gold: str) -> str:
    return boxed(gold) or re.sub(r"\A\s*(?:\${1,2}|\\[\[(])|(?:\${1,2}|\\[\])])\s*\Z", "", gold)


def _answer(response: str) -> str:
    return boxed(response) or response


def _prm800k(grader: Any, gold: str, said: str) -> Any:
    return grader.grade_answer(_answer(said), _bare(gold))


def _hendrycks(grader: Any, gold: str, said: str) -> Any:
    return grader.is_equiv(_answer(said), _bare(gold))


def _qwen(grader: Any, parser: Any, gold: str, said: str) -> Any:
    truth = parser.strip_string(_bare(gold))
    return grader.math_equal(parser.extract_answer(said, "math"), truth, timeout=True)


def _deepseek(grader: Any, reader: Any, gold: str, said: str) -> Any:
    return grader.math_equal(reader.extract_answer(said), reader.strip_string(_bare(gold)))


def _tora(grader: Any, gold: str, said: str) -> Any:
    return grader.math_equal(_answer(said), _bare(gold), timeout=True)


def _prime(grader: Any, gold: str, said: str) -> Any:
    return grader.compute_score(said, gold)[0]


def _dapo(grader: Any, gold: str, said: str) -> Any:
    return grader.compute_score(said, _bare(gold), strict_box_verify=True)["acc"]


def _verl(grader: Any, gold: str, said: str) -> Any:
    return grader.compute_score(said, _bare(gold)) == 1.0


def _minerva(grader: Any, gold: str, said: str) -> Any:
    answer = grader.normalize_final_answer(boxed(said) or grader.get_unnormalized_answer(said))
    return grader.is_equiv(answer, grader.normalize_final_answer(_bare(gold)))


def _oat(grader: Any, gold: str, said: str) -> Any:
    return grader.boxed_reward_fn(said, gold, fast=False)[1] == 1.0


def _rllm(grader: Any, gold: str, said: str) -> Any:
    return grader.grade_answer_verl(said, gold)


def _nemo(grader: Any, gold: str, said: str) -> Any:
    return grader.math_equal(_bare(gold), grader.extract_answer(said))


_VERL = "verl/utils/reward_score"

PEER_GRADERS: dict[str, _Peer] = {
    "prm800k": _Peer("prm800k", ("prm800k/grading",), ("prm800k",), ("grading.grader",), _prm800k),
    "hendrycks math": _Peer(
        "math", ("modeling",), ("modeling",), ("math_equivalence",), _hendrycks
    ),
    "qwen2.5-math": _Peer(
        "Qwen2.5-Math",
        ("evaluation/*.py", "evaluation/latex2sympy/*.py"),
        ("evaluation/latex2sympy", "evaluation"),
        ("grader", "parser"),
        _qwen,
    ),
    "deepseek-math": _Peer(
        "DeepSeek-Math",
        ("evaluation/eval/*.py", "evaluation/data_processing/*.py"),
        ("evaluation",),
        ("eval.eval_utils", "data_processing.answer_extraction"),
        _deepseek,
    ),
    "tora": _Peer("ToRA", ("src/eval/grader.py",), ("src/eval",), ("grader",), _tora),
    "verl prime_math": _Peer(
        "verl",
        (f"{_VERL}/prime_math", "verl/utils/py_functional.py", "verl/utils/metric"),
        (".",),
        ("verl.utils.reward_score.prime_math",),
        _prime,
    ),
    "verl math_dapo": _Peer("verl", (f"{_VERL}/math_dapo.py",), (_VERL,), ("math_dapo",), _dapo),
    "verl math_reward": _Peer(
        "verl", (f"{_VERL}/math_reward.py",), (_VERL,), ("math_reward",), _verl
    ),
    "lm-eval minerva": _Peer(
        "lm-evaluation-harness",
        ("lm_eval/tasks/minerva_math/utils.py",),
        (".",),
        ("lm_eval.tasks.minerva_math.utils",),
        _minerva,
    ),
    "oat": _Peer("oat", ("oat/utils/math_grader.py",), ("oat/utils",), ("math_grader",), _oat),
    "rllm": _Peer(
        "rllm",
        ("rllm/rewards/math_utils/utils.py",),
        ("rllm/rewards/math_utils",),
        ("utils",),
        _rllm,
    ),
    "nemo-skills": _Peer(
        "NeMo-Skills",
        ("nemo_skills/evaluation/math_grader.py", "nemo_skills/*.py"),
        (".",),
        ("nemo_skills.evaluation.math_grader",),
        _nemo,
    ),
}
