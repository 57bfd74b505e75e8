"""What goes wrong between us and a judge; none of it is ever a grade.

JudgeError             the judge could not be reached, or would not answer
├── JudgeReplyError    it answered, but not with a score that can be read
│   └── JudgeRefused   it declined to answer
└── BudgetSpent        the money or tokens of the run are used up; nothing was asked, the run ends

Every one says what it had already cost, because a reply that cannot be read is billed too.
"""

from __future__ import annotations

from ...core.errors import AssayError, StopRun

__all__ = ["BudgetSpent", "JudgeError", "JudgeRefused", "JudgeReplyError"]


class JudgeError(AssayError):
    """The judge could not be reached, or would not answer.

    Args:
        message: the place, the rule, the value and the way out.
        transient: another attempt may succeed (busy server, broken connection, bad luck).
        retry_after_s: how long the server asks us to wait, in seconds; None where it does not say.
        tokens_in, tokens_out: tokens billed for the attempts that led here.
        money: what they cost, in the unit of the prices given.
    """

    def __init__(
        self,
        message: str,
        *,
        transient: bool = False,
        retry_after_s: float | None = None,
        tokens_in: int = 0,
        tokens_out: int = 0,
        money: float = 0.0,
    ) -> None:
        super().__init__(message)
        self.transient = transient
        self.retry_after_s = retry_after_s
        self.tokens_in = tokens_in
        self.tokens_out = tokens_out
        self.money = money

    def __reduce__(self) -> tuple[object, ...]:
        # the default would call the class without the keywords: workers send errors home
        return _rebuilt, (type(self), str(self), dict(self.__dict__))


def _rebuilt(kind: type[JudgeError], message: str, fields: dict[str, object]) -> JudgeError:
    error = kind(message)
    error.__dict__.update(fields)
    return error


class JudgeReplyError(JudgeError):
    """The judge answered, but not with something that is clearly a score."""


class JudgeRefused(JudgeReplyError):  # noqa: N818 - what happened, not who is to blame
    """The judge declined to answer."""


class BudgetSpent(JudgeError, StopRun):  # noqa: N818 - an orderly end, not a mishap
    """The budget of the run is used up; nothing was asked and nothing was billed. Where a source
    lets it through, or puts its text in ``evidence.stop``, the host ends the run."""
