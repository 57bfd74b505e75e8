"""What a command's exit code means, and how an error becomes one.

Our own errors are one line on standard error; anything else is a bug and stays a traceback.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import Any, TypeVar

import typer

from ..core.errors import AssayError, ConfigError, RunStopped

__all__ = ["Exit", "guarded"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    NOT_PASSED = 1
    """Judged, and not passed, where a command asks that question."""
    USAGE = 2
    """A wrong command line, recipe or setting; nothing has run."""
    UNJUDGED = 3
    """No row could be judged: faults and bad references only; or a source ended the run."""
    FAILED = 4
    """One of our errors."""
    INTERRUPTED = 130
    """Ctrl-C."""


def guarded(command: FunctionT) -> FunctionT:
    """A command whose errors end it with a line and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except ConfigError as error:
            raise _exit(str(error), Exit.USAGE) from error
        except RunStopped as error:
            raise _exit(str(error), Exit.UNJUDGED) from error
        except AssayError as error:
            raise _exit(str(error), Exit.FAILED) from error
        except BrokenPipeError as error:  # ``assay ... | head``: nobody reads on
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(Exit.FAILED) from error
        except KeyboardInterrupt as error:
            raise _exit("interrupted", Exit.INTERRUPTED) from error

    return run  # type: ignore[return-value]  # wraps keeps the signature, which mypy cannot see


def _exit(message: str, code: Exit) -> typer.Exit:
    for line in message.splitlines():
        typer.echo(f"assay: {line}", err=True)
    return typer.Exit(code)
