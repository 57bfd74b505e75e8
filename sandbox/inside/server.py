"""A program as a server: its functions are called from outside, values go back as data.

``serve`` executes a source as the module ``solution`` and answers requests, one at a time, each a
JSON value behind its length in a line of its own. Values cross in a closed set of plain types, by
``type(x) is``; anything else stays here, behind a number. Nothing said from here is believed
outside about anything but itself: the program may take this whole process over.

Runs inside, so standard library only. The names it needs are bound before the program runs.
"""

from __future__ import annotations

import builtins
import json
import operator
import os
import sys
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

DEPTH = 200
NODES = 200_000
CHARS = 16 << 20
"""Bounds of one value: containers in each other, items in all, characters in all."""
INT_BITS = 1 << 22
SLICE_S = 0.05
"""A batch of calls is answered in pieces of about this long, so that a hang costs one piece."""
TEXT_CHARS = 500

_type, _int, _float, _str, _len = type, int, float, str, len
_dict_items = dict.items
_DICTS = (dict, Counter, defaultdict, OrderedDict)
_write, _read, _exit, _now = os.write, os.read, os._exit, time.monotonic
_dumps, _loads = json.JSONEncoder().encode, json.JSONDecoder().decode
_BaseException, _getattr = BaseException, getattr


for _name in ("exit", "quit"):  # ``site`` would bring them, and an interpreter without it is faster
    if not hasattr(builtins, _name):
        setattr(builtins, _name, sys.exit)


class TooBig(ValueError):
    """The value is beyond the bounds."""


class Left:
    """What is left of the bounds of one value."""

    __slots__ = ("chars", "nodes")

    def __init__(self) -> None:
        self.nodes, self.chars = NODES, CHARS

    def take(self, chars: int) -> None:
        """Raises ``TooBig`` when there is not so much left."""
        self.chars -= chars
        if self.chars < 0:
            raise TooBig("the value is too large")


def encode(value: Any, keep: Callable[[Any], list[Any]], left: Left, depth: int = 0) -> Any:
    """A value as tagged JSON. ``keep`` says what stands for an object that is not plain.

    Raises ``TooBig``.
    """
    left.nodes -= 1
    if left.nodes < 0 or depth > DEPTH:
        raise TooBig("the value is too large or too deep")
    kind = _type(value)
    if value is None or kind is bool:
        return value
    if kind is _int:
        bits = _int.bit_length(value)
        if bits > INT_BITS:
            raise TooBig("the integer is too large")
        left.take(bits >> 2)
        return ["i", hex(value)]
    if kind is _str:
        left.take(_len(value))
        return ["s", value]
    if kind is _float:
        return ["f", _float.hex(value)]
    return _encode_more(kind, value, keep, left, depth + 1)


def _encode_more(
    kind: Any, value: Any, keep: Callable[[Any], list[Any]], left: Left, depth: int
) -> Any:
    """The containers, and the rarer plain types."""
    for type_, tag in ((list, "l"), (tuple, "t"), (set, "S"), (frozenset, "F")):
        if kind is type_:
            return [tag, *[encode(item, keep, left, depth) for item in value]]
    for mapping in _DICTS:
        if kind is mapping:
            pairs = _dict_items(value)
            return ["d", *[[encode(part, keep, left, depth) for part in pair] for pair in pairs]]
    if kind is bytes:
        left.take(2 * _len(value))
        return ["b", value.hex()]
    if kind is complex:
        return ["c", value.real.hex(), value.imag.hex()]
    return keep(value)


_CONTAINERS: dict[str, Callable[[Any], Any]] = {
    "l": list,
    "t": tuple,
    "S": set,
    "F": frozenset,
}


def decode(value: Any, resolve: Callable[[str, Any], Any]) -> Any:
    """The inverse of ``encode``, for what comes from outside, which is trusted."""
    if value is None or value is True or value is False:
        return value
    tag = value[0]
    if tag == "i":
        return _int(value[1], 16)
    if tag == "f":
        return _float.fromhex(value[1])
    if tag == "s":
        return value[1]
    if tag == "d":
        return {decode(k, resolve): decode(v, resolve) for k, v in value[1:]}
    if tag == "b":
        return bytes.fromhex(value[1])
    if tag == "c":
        return complex(_float.fromhex(value[1]), _float.fromhex(value[2]))
    if tag in _CONTAINERS:
        return _CONTAINERS[tag]([decode(item, resolve) for item in value[1:]])
    return resolve(tag, value)


class Wire:
    """Frames on two descriptors."""

    def __init__(self, requests_fd: int, replies_fd: int) -> None:
        self._in, self._out, self._held = requests_fd, replies_fd, b""

    def send(self, value: Any, *, part: bool = False) -> None:
        """One JSON value. The length of a ``part`` of an answer begins with a zero."""
        body = _dumps(value).encode("ascii")
        view = memoryview((b"0%d\n" if part else b"%d\n") % _len(body) + body)
        while view:
            view = view[_write(self._out, view) :]

    def receive(self) -> Any:
        """The next JSON value. Ends the process when there is no more."""
        while b"\n" not in self._held:
            self._more()
        head, _, self._held = self._held.partition(b"\n")
        size = _int(head)
        while _len(self._held) < size:
            self._more()
        body, self._held = self._held[:size], self._held[size:]
        return _loads(body.decode("utf-8", "surrogatepass"))

    def _more(self) -> None:
        data = _read(self._in, 1 << 20)
        if not data:
            _exit(0)
        self._held += data


class Server:
    """The module, its kept objects, and the requests it answers."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.module = ModuleType("solution")
        self.kept: list[Any] = []
        self._places: dict[int, int] = {}

    # values ---------------------------------------------------------------------------------

    def keep(self, value: Any) -> list[Any]:
        """Keep an object here; equal numbers are the same object."""
        place = self._places.get(id(value))
        if place is None:
            place = self._places[id(value)] = _len(self.kept)
            self.kept.append(value)
        name = _type(value).__name__
        return ["o", name[:80] if _type(name) is _str else "?", place]

    def resolve(self, tag: str, value: Any) -> Any:
        """An object kept here, a built-in class, or a function of the other side."""
        if tag == "T":
            return _getattr(builtins, value[1])
        return self.kept[value[2]] if tag == "o" else self._callback(value[1])

    def _callback(self, number: int) -> Callable[..., Any]:
        def callback(*args: Any, **kwargs: Any) -> Any:
            self.wire.send(
                {
                    "back": number,
                    "args": [self.given(a) for a in args],
                    "kwargs": {k: self.given(v) for k, v in kwargs.items()},
                }
            )
            answer = self.wire.receive()
            if "error" in answer:
                kind = _getattr(builtins, answer["error"], RuntimeError)
                raise kind(answer.get("text", ""))
            return decode(answer["value"], self.resolve)

        return callback

    def given(self, value: Any) -> Any:
        """A value for the other side."""
        return encode(value, self.keep, Left())

    def taken(self, request: Any) -> tuple[list[Any], dict[str, Any]]:
        """The arguments of a request."""
        return (
            [decode(a, self.resolve) for a in request.get("args", ())],
            {k: decode(v, self.resolve) for k, v in request.get("kwargs", {}).items()},
        )

    # requests -------------------------------------------------------------------------------

    def load(self, source: str, setup: str) -> bool:
        """Execute the program; say how that went."""
        sys.modules["solution"] = self.module
        self.module.__dict__["__file__"] = "solution.py"
        try:
            for text, name in ((setup, "setup.py"), (source, "solution.py")):
                if text:
                    code = compile(text.removeprefix("\ufeff"), name, "exec", dont_inherit=True)
                    exec(code, self.module.__dict__)
        except _BaseException as error:
            self.wire.send({**self.told(error), "where": "load"})
            return False
        self.wire.send({"loaded": True})
        return True

    def told(self, error: BaseException, rich: bool = False) -> dict[str, Any]:
        """An exception as data."""
        told: dict[str, Any] = {"error": "Exception", "text": ""}
        try:
            name, text = _type(error).__name__, _str(error)
            told["error"] = name[:80] if _type(name) is _str else "?"
            told["text"] = text[:TEXT_CHARS] if _type(text) is _str else "?"
            trace, line = error.__traceback__, 0
            while trace is not None:
                if trace.tb_frame.f_code.co_filename == "solution.py":
                    line = trace.tb_lineno
                trace = trace.tb_next
            told["line"] = line or _getattr(error, "lineno", None) or 0
            if rich:
                told["type"] = self.given(_type(error))
                told["bases"] = self.bases(_type(error))
                told["self"] = self.given(error)
        except _BaseException:
            told["text"] = told["text"] or "an exception that cannot be shown"
        return told

    def bases(self, kind: type) -> list[str]:
        """The names of an exception class and those behind it; "" for what is not built in."""
        return [c.__name__ if c.__module__ == "builtins" else "" for c in kind.__mro__]

    def answer(self, request: Any) -> Any:
        """The reply to one request."""
        op = request["op"]
        if op == "calls":
            return self.many(request)
        try:
            value = self.do(op, request)
            reply = {"value": self.given(value)}
            if request.get("rich") and isinstance(value, type) and issubclass(value, BaseException):
                reply["bases"] = self.bases(value)
        except _BaseException as error:
            return self.told(error, bool(request.get("rich")))
        return reply

    def do(self, op: str, request: Any) -> Any:
        """One request's value."""
        if op == "drop":
            self._places.pop(id(self.kept[request["ref"]]), None)
            self.kept[request["ref"]] = None
            return None
        if op == "get":
            return self.module.__dict__[request["name"]]
        args, kwargs = self.taken(request)
        if op == "call":
            function = self.module.__dict__[request["name"]]
            if request.get("relay"):
                return function(Relay(self.wire), *args, **kwargs)
            return self.called(function, args, kwargs, request)
        kept = self.kept[request["ref"]]
        if op == "attr":
            return _getattr(kept, request["name"])
        if op == "invoke":
            return self.called(kept, args, kwargs, request)
        return special(kept, request["name"], args)

    def called(self, function: Any, args: list[Any], kwargs: Any, request: Any) -> Any:
        """Call it; with ``changed``, the value comes with the arguments as they are now."""
        value = function(*args, **kwargs)
        return (value, args) if request.get("changed") else value

    def many(self, request: Any) -> Any:
        """One call after another, for one slice of time. A call may name its function itself."""
        replies: list[Any] = []
        end = _now() + SLICE_S
        for args, kwargs, *name in request["many"]:
            function = name[0] if name else request["name"]
            reply = self.answer({"op": "call", "name": function, "args": args, "kwargs": kwargs})
            replies.append(reply)
            if _now() > end or (request.get("stop") and "error" in reply):
                break
        return {"values": replies}


def special(kept: Any, name: str, args: list[Any]) -> Any:
    """An operator of an object, with all that Python does for it."""
    if name in _OPERATORS:
        return _OPERATORS[name](kept, *args)
    if name.startswith("__r") and f"__{name[3:]}" in _OPERATORS:
        return _OPERATORS[f"__{name[3:]}"](*args, kept)
    return _getattr(_type(kept), name)(kept, *args)


_BINARY = (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor", "lshift",
    "rshift", "matmul", "lt", "le", "gt", "ge", "eq", "ne",
)  # fmt: skip
_OPERATORS: dict[str, Callable[..., Any]] = {
    f"__{name.rstrip('_')}__": _getattr(operator, name) for name in _BINARY
} | {
    "__divmod__": divmod,
    "__neg__": operator.neg,
    "__pos__": operator.pos,
    "__abs__": abs,
    "__invert__": operator.invert,
    "__round__": round,
    "__bool__": bool,
    "__len__": len,
    "__int__": int,
    "__float__": float,
    "__index__": operator.index,
    "__str__": str,
    "__repr__": repr,
    "__format__": format,
    "__iter__": iter,
    "__next__": next,
    "__contains__": operator.contains,
    "__getitem__": operator.getitem,
    "__setitem__": operator.setitem,
    "__delitem__": operator.delitem,
    "__getslice__": lambda kept, *bounds: kept[slice(*bounds)],
    "__setattr__": setattr,
    "__delattr__": delattr,
    "__instancecheck__": lambda kept, other: isinstance(other, kept),
    "__subclasscheck__": lambda kept, other: issubclass(other, kept),
}


class Relay:
    """For a program of ours that runs tests: questions to the outside while it is being asked."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def ask(self, want: Any) -> Any:
        """Send a question out and wait for the answer."""
        self._wire.send({"want": want})
        return self._wire.receive()

    @staticmethod
    def encode(value: Any, keep: Callable[[Any], list[Any]]) -> Any:
        """See ``encode``."""
        return encode(value, keep, Left())

    @staticmethod
    def decode(value: Any, resolve: Callable[[str, Any], Any]) -> Any:
        """See ``decode``."""
        return decode(value, resolve)


def serve(requests_fd: int, replies_fd: int, source: str, setup: str) -> NoReturn:
    """Load the program and answer until nobody asks any more. Never returns."""
    sys.argv = ["solution.py"]
    server = Server(Wire(requests_fd, replies_fd))
    if server.load(source, setup):
        while True:
            request = server.wire.receive()
            reply = server.answer(request)
            part = request["op"] == "calls" and _len(reply["values"]) < _len(request["many"])
            server.wire.send(reply, part=part)
    _exit(0)
