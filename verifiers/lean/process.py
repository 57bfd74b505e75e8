"""One persistent Lean that answers requests: the elaborator or the referee, in a jail.

A request carries a nonce that the reply must repeat. Whatever else happens (another line, silence,
an end, a crash) leaves the process in a state that nobody knows: it is killed, and the next request
starts another.

Not covered: what is asked (``judging``), and several processes (``pool``).
"""

from __future__ import annotations

import json
import secrets
from typing import Any, Literal, TypeAlias

from ...sandbox.resident import Gone, Resident
from .backends import Backend, Role

__all__ = ["LeanProcess", "Lost", "Why"]

_MARK = "@@"
Why: TypeAlias = Literal["time", "memory", "crash"]


class Lost(Exception):  # noqa: N818 - becomes a verdict or a fault, not an error
    """A request that was not answered, and why."""

    def __init__(self, why: Why, detail: str) -> None:
        super().__init__(detail)
        self.why: Why = why


class LeanProcess:
    """A checker process that is started when it is first asked, and again after it was lost.

    Args:
        backend: how it is started.
        role: which of the two programs it runs.
        most: requests that one process answers before another takes its place.
        most_mb: memory above which another takes its place.
    """

    def __init__(self, backend: Backend, role: Role, *, most: int, most_mb: float) -> None:
        self.backend, self.role = backend, role
        self.most, self.most_mb = most, most_mb
        self.starts = 0
        self.version = ""
        self._resident: Resident | None = None
        self._asked = 0

    @property
    def started(self) -> bool:
        """Whether a process is there."""
        return self._resident is not None

    @property
    def memory_mb(self) -> float:
        """Of the process that is there; 0 without one, and where nobody counts."""
        return 0.0 if self._resident is None else self._resident.memory_mb()

    def start(self) -> None:
        """Start it, if it is not there. Raises ``Missing``, and ``Lost`` when it does not come."""
        if self._resident is not None:
            return
        made = Resident(
            self.backend.argv[self.role],
            folders=self.backend.folders,
            environment=self.backend.environment,
            memory_mb=self.backend.memory_mb,
        )
        self._resident, self._asked = made, 0
        self.starts += 1
        try:
            said = json.loads(made.hear(_MARK, self.backend.start_s))
        except (Gone, TimeoutError, ValueError) as error:
            raise self._lost(error) from error
        except BaseException:
            self.close()
            raise
        self.version = str(said.get("lean", ""))

    def ask(self, request: dict[str, Any], cpu_s: float) -> dict[str, Any]:
        """The reply, in so many CPU seconds or three times as many by the clock. Starts a process
        where there is none, which does not count.

        Raises ``Lost``, and ``Missing`` where none can be started.
        """
        self.start()
        assert self._resident is not None
        nonce = secrets.token_hex(16)
        line = json.dumps({**request, "id": nonce}, ensure_ascii=False)
        self._asked += 1
        try:
            reply = json.loads(self._resident.ask(line, _MARK, 3 * cpu_s, cpu_s))
        except (Gone, TimeoutError, ValueError, RecursionError) as error:
            raise self._lost(error) from error
        except BaseException:
            self.close()
            raise
        if type(reply) is not dict or reply.get("id") != nonce:
            crashed = isinstance(reply, dict) and "crash" in reply
            what = reply["crash"] if crashed else "it answered what was not asked"
            raise self._lost(Gone(str(what)[:300]))
        if self._asked >= self.most or self._resident.memory_mb() > self.most_mb:
            self.close()
        return reply

    def _lost(self, error: Exception) -> Lost:
        memory = self._resident is not None and self._resident.over_memory()
        self.close()
        if memory:
            return Lost("memory", f"Lean went over {self.backend.memory_mb} MB")
        if isinstance(error, TimeoutError):
            return Lost("time", str(error))
        return Lost("crash", f"Lean was lost: {error}"[:500])

    def close(self) -> None:
        """End the process. Idempotent."""
        if self._resident is not None:
            self._resident.kill()
            self._resident = None
