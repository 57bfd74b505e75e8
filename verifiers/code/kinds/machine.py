"""What checked test code is evaluated on: its names, random numbers, calls, and steps left.

Costs are bounded: what could be slow on a hostile value (long loops, keys that collide) raises
``NeedsJudge``.

Not covered: the code itself; see ``plain``.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Sequence
from typing import Any

from ....sandbox.values import Opaque, collides, is_plain
from .allowed import MODULES, SAFE
from .guards import UNKNOWN, NeedsJudge, has_unknown, is_instance, keys_of

__all__ = ["Ask", "CallFailed", "Code", "Do", "Machine"]

MAX_STEPS = 200_000

Ask = Callable[[ast.Call, str, list[Any], dict[str, Any]], Any]
"""Called for a call of the program's function: the node, the name, the arguments."""
Judged = Callable[[ast.Assert, bool, str], None]
Do = Callable[["Machine"], None]
"""A statement."""
Code = Sequence[Do]


class CallFailed(Exception):  # noqa: N818 - an outcome of the program
    """The program's call gave no value; the message says why."""


class Machine:
    """Where checked test code is evaluated: its names, its random numbers, what it has left.

    Args:
        ask: gives the value of a call of the program's function.
        collecting: every such call may give ``UNKNOWN``, and nothing is decided.
    """

    def __init__(self, ask: Ask, *, collecting: bool = False) -> None:
        self.ask, self.collecting = ask, collecting
        self.names: dict[str, Any] = {}
        self.random = random.Random(0)  # noqa: S311 - inputs of tests, the same each time
        self.skipped = False
        """Whether a call was left out while collecting, for want of its arguments."""
        self.judged: Judged = _unheard
        self._left = MAX_STEPS

    def run(self, code: Code, judged: Judged) -> None:
        """Execute statements; ``judged`` hears of each assertion.

        Raises ``CallFailed`` or what the test code raises outside an assertion, and ``NeedsJudge``.
        """
        self.judged = judged
        for do in code:
            do(self)

    def take(self, steps: int) -> None:
        """Raises ``NeedsJudge`` when there are not so many left."""
        self._left -= steps
        if self._left < 0:
            raise NeedsJudge("many steps")

    def items(self, value: Any, steps: int = 1) -> list[Any]:
        """Of what is looped over, with so many steps for each."""
        if value is UNKNOWN or type(value) is Opaque:
            raise NeedsJudge("a loop over what the program gave")
        items = list(value)
        self.take(len(items) * steps)
        return items

    def unknown(self, *values: Any) -> bool:
        """Whether one of them is not known yet. All are, once nothing is collected any more."""
        return self.collecting and any(map(has_unknown, values))

    def sendable(self, value: Any) -> bool:
        """Whether the program can be given it now. Raises ``NeedsJudge`` if it never can."""
        if isinstance(value, type) or (value is not UNKNOWN and not is_plain(value)):
            raise NeedsJudge("an object as an argument")
        return not self.unknown(value)

    def tool(self, tool: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """The value of a function of one of the modules."""
        if self.unknown(*args):
            return UNKNOWN
        if not all(map(is_plain, args)):
            raise NeedsJudge("an object handed to a module's function")
        return tool(*args, **kwargs)

    def of_module(self, module: str, name: str) -> Any:
        """What a module has by that name."""
        if module == "random":
            return random.Random if name == "Random" else getattr(self.random, name)
        return MODULES[module][name]

    def builtin(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """The value of a function that Python has."""
        if self.unknown(*args, *kwargs.values()):
            return UNKNOWN
        if name == "range":
            made = range(*args)
            self.take(len(made))
            return list(made)
        if name == "isinstance":
            return is_instance(*args)
        if any(type(arg) is Opaque for arg in args) or kwargs.keys() - {"reverse"}:
            raise NeedsJudge(f"{name} of an object")
        if name == "round" and len(args) > 1 and abs(args[1]) > 400:
            raise NeedsJudge("round to many digits")
        if name in ("set", "frozenset", "dict") and args and collides(keys_of(args[0])):
            raise NeedsJudge("keys that collide")
        found = SAFE[name](*args, **kwargs)
        return list(found) if name in ("zip", "enumerate", "reversed") else found


def _unheard(*_: object) -> None:
    """For assertions while nobody listens."""
