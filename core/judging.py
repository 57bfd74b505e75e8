"""From what a source returns, or raises, to checked Verdicts.

The same code runs in the caller's thread (``inline``) and in worker processes, so a source gets
the same treatment wherever it runs. Nothing a source does inside a call escapes from here as an
exception, except ``SystemExit``-like ones that are turned into faults too.

Not covered: what a source does to its process (hangs, crashes, memory); see ``core/engine``.
"""

from __future__ import annotations

import asyncio
import math
import numbers
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from .errors import StopRun, TransientError
from .source import Source
from .types import Sample, Status, Verdict, canonical_json

__all__ = ["OpenSource"]

_SCORED = Status.SCORED
_REASON_CHARS = 500
_BACKOFF_S = (0.1, 2.0)
"""First and longest pause between attempts after a transient fault; ours."""


class OpenSource:
    """A source with its settings, opened in this process, giving checked verdicts.

    Args:
        source: the description.
        settings: the source's own settings from the recipe.
        name: what the verdicts call themselves.
        retries: further attempts after a ``TransientError``.
    """

    def __init__(
        self, source: Source, settings: Mapping[str, Any], name: str, *, retries: int = 0
    ) -> None:
        self.source = source
        self.name = name
        self.version = source.version_with(settings)
        self.scale = source.scale_with(settings)
        self.retries = retries
        self._settings = settings
        self._call: Callable[..., Any] | None = None

    def judge(self, samples: Sequence[Sample]) -> list[Verdict]:
        """One verdict for each sample, in order; never raises for what the source does."""
        started = time.perf_counter()
        try:
            results = self._results(samples)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - becomes a fault with its name
            results = [fault_of(error)] * len(samples)
        seconds = (time.perf_counter() - started) / max(len(samples), 1)
        return [self.verdict_of(result, seconds) for result in results]

    def judge_one(self, sample: Sample) -> Verdict:
        """``judge`` for a single sample: the hot path."""
        if self.source.takes_many:
            return self.judge([sample])[0]
        started = time.perf_counter()
        try:
            result = (self._call or self.opened())(sample)
        except TransientError as error:
            if self.retries:
                time.sleep(_pause(0))
                return self.judge([sample])[0]
            result = fault_of(error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - becomes a fault with its name
            result = fault_of(error)
        return self.verdict_of(result, time.perf_counter() - started)

    async def ajudge(self, samples: Sequence[Sample]) -> list[Verdict]:
        """``judge`` for async sources."""
        started = time.perf_counter()
        try:
            results = await self._aresults(samples)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - becomes a fault with its name
            results = [fault_of(error)] * len(samples)
        seconds = (time.perf_counter() - started) / max(len(samples), 1)
        return [self.verdict_of(result, seconds) for result in results]

    def close(self) -> None:
        """Call the target's ``close``, if it has one."""
        close = getattr(self._call, "close", None)
        self._call = None
        if callable(close):
            close()

    def verdict_of(self, result: object, seconds: float) -> Verdict:
        """A checked verdict: rubbish, or a score outside the declared scale, is a fault."""
        # bool and float come first and are built directly: they are the hot path
        if result is True or result is False:
            score = 1.0 if result else 0.0
            return Verdict(
                status=_SCORED,
                score=score,
                passed=result if self.source.pass_at is not None else None,
                source=self.name,
                version=self.version,
                seconds=seconds,
            )
        verdict = _as_verdict(result)
        fault = self._breach(verdict)
        if fault is not None:
            verdict = fault
        passed = verdict.passed
        if passed is None and verdict.score is not None and self.source.pass_at is not None:
            passed = verdict.score >= self.source.pass_at
        return Verdict(
            status=verdict.status,
            score=verdict.score,
            passed=passed,
            reason=verdict.reason,
            confidence=verdict.confidence,
            parts=verdict.parts,
            steps=verdict.steps,
            evidence=verdict.evidence,
            source=self.name,
            version=self.version,
            seconds=seconds,
            cost=verdict.cost,
        )

    def _breach(self, verdict: Verdict) -> Verdict | None:
        """A fault when the verdict breaks what the source declared or cannot be sent on."""
        score, scale = verdict.score, self.scale
        if score is not None and scale != "real":
            if scale == "binary" and score not in (0.0, 1.0):
                return _rubbish(
                    f"score {score!r} is not 0 or 1, as scale 'binary' promises", "scale"
                )
            if not 0.0 <= score <= 1.0:
                return _rubbish(
                    f"score {score!r} lies outside [0, 1], as scale 'unit' promises", "scale"
                )
        if verdict.evidence or verdict.parts or verdict.cost:
            try:
                canonical_json([verdict.evidence, verdict.parts, verdict.cost])
            except (TypeError, ValueError, RecursionError) as error:
                return _rubbish(f"its evidence, parts or cost are not JSON: {error}", "json")
        return None

    def _results(self, samples: Sequence[Sample]) -> Sequence[object]:
        call = self.opened()
        for attempt in range(self.retries + 1):
            try:
                if self.source.takes_many:
                    return _one_each(call(list(samples)), samples)
                return [call(sample) for sample in samples]
            except TransientError:
                if attempt == self.retries:
                    raise
                time.sleep(_pause(attempt))
        raise AssertionError("the loop returns or raises")

    async def _aresults(self, samples: Sequence[Sample]) -> Sequence[object]:
        call = self.opened()
        for attempt in range(self.retries + 1):
            try:
                given: Awaitable[Any]
                if self.source.takes_many:
                    given = call(list(samples))
                    return _one_each(await given, samples)
                return [await call(sample) for sample in samples]
            except TransientError:
                if attempt == self.retries:
                    raise
                await asyncio.sleep(_pause(attempt))
        raise AssertionError("the loop returns or raises")

    def opened(self) -> Callable[..., Any]:
        """The callable that judges; opened on first use."""
        if self._call is None:
            self._call = self.source.open(self._settings)
        return self._call


def _pause(attempt: int) -> float:
    """Exponential back-off with full jitter, in seconds."""
    first, longest = _BACKOFF_S
    return random.uniform(0.5, 1.0) * min(first * 2.0**attempt, longest)  # noqa: S311 - jitter


def _one_each(results: object, samples: Sequence[Sample]) -> Sequence[object]:
    if not isinstance(results, Sequence) or isinstance(results, str):
        fault = _rubbish(f"returned {_show(results)} in place of a list of verdicts")
        return [fault] * len(samples)
    if len(results) != len(samples):
        fault = _rubbish(f"returned {len(results)} verdicts for {len(samples)} samples")
        return [fault] * len(samples)
    return results


def _as_verdict(result: object) -> Verdict:
    """What a source may return, as a verdict; anything else is rubbish."""
    if isinstance(result, Verdict):
        return result
    if result is None:
        return Verdict.unscored(Status.ABSTAINED, "the source has no opinion")
    if isinstance(result, bool) or type(result).__name__ == "bool":  # numpy's own bool
        return Verdict.scored(float(bool(result)), bool(result))
    if isinstance(result, numbers.Real):
        number = float(result)
        return Verdict.scored(number) if math.isfinite(number) else _rubbish(f"returned {number}")
    return _rubbish(f"returned {_show(result)}; a bool, a number, a Verdict or None is expected")


def _rubbish(what: str, rule: str = "result") -> Verdict:
    """``evidence.breach`` names the rule that was broken, for the conformance kit and reports."""
    return Verdict.unscored(
        Status.FAILED,
        f"the source broke its contract: it {what}"[:_REASON_CHARS],
        evidence={"breach": rule},
    )


def fault_of(error: BaseException) -> Verdict:
    """A ``failed`` verdict that names the exception a source raised, and where."""
    where = _innermost(error)
    transient = isinstance(error, TransientError)
    stop = {"stop": f"{error}"[:_REASON_CHARS]} if isinstance(error, StopRun) else {}
    return Verdict.unscored(
        Status.FAILED,
        f"the source raised {type(error).__name__}: {error}"[:_REASON_CHARS] + where,
        evidence={"error": type(error).__name__, "transient": transient, **stop},
    )


def _innermost(error: BaseException) -> str:
    frame = error.__traceback__
    if frame is None:
        return ""
    while frame.tb_next is not None:
        frame = frame.tb_next
    code = frame.tb_frame.f_code
    return f" (in {code.co_name}, line {frame.tb_lineno} of {code.co_filename.rpartition('/')[2]})"


def _show(value: object) -> str:
    try:
        text = repr(value)
    except Exception as error:  # noqa: BLE001 - a plugin's __repr__ may do anything
        text = f"an object whose repr raises {type(error).__name__}"
    kind = type(value).__name__
    return f"{text if len(text) <= 60 else text[:57] + '...'} ({kind})"
