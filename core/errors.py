"""Every error Assay raises on purpose, and who is to blame for it.

AssayError
├── ConfigError        a recipe, an option or a command line is wrong; nothing has run yet
├── PluginError        a plugin cannot be loaded, or breaks its contract
├── DataError          an input file or row cannot be read
├── ScoringError       a verdict is a fault, and the recipe says ``on_fault: raise``
├── RunStopped         a source ended the run (its budget is spent); what was done is kept
└── EngineError        our own machinery broke (a worker pool that cannot be started, ...)

``TransientError`` stands apart: a *source* raises it to say "try again" (a server was busy, a
connection broke). The host retries it with back-off and types it ``failed`` when retries run out.
So does ``StopRun``: a source raises it to say "no more verdicts can be had in this run".
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "AssayError",
    "ConfigError",
    "DataError",
    "EngineError",
    "PluginError",
    "RunStopped",
    "ScoringError",
    "StopRun",
    "TransientError",
    "did_you_mean",
]


class AssayError(Exception):
    """Base of all errors that Assay raises on purpose; the command line prints them as one line."""


class ConfigError(AssayError):
    """A recipe, an option or an argument is wrong; nothing has run yet."""


class PluginError(AssayError):
    """A plugin cannot be loaded, or breaks its contract."""


class DataError(AssayError):
    """An input file or row cannot be read."""


class ScoringError(AssayError):
    """A verdict is a fault, and the recipe asks for an exception (``on_fault: raise``)."""


class RunStopped(AssayError):  # noqa: N818 - an orderly end, not a mishap
    """A source ended the run, such as a judge whose budget is spent; what was done is kept."""


class EngineError(AssayError):
    """The machinery that runs sources broke; no verdict is implied."""


class TransientError(Exception):
    """Raised by a source: the fault may pass, so the host tries again with back-off."""


class StopRun(Exception):  # noqa: N818 - what the host is to do
    """Raised by a source: no more verdicts can be had in this run (a budget is spent).

    The verdict is ``failed`` with the message in ``evidence.stop``, and is never paid as a grade. A
    source that judges many samples in one call may write ``evidence.stop`` itself.
    """


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message for an unknown name: the nearest known one, then all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"{hint} (known: {', '.join(names) or 'none'})"
