"""Stand-ins for a program's objects, in the process of the tests. Sent as text: ``relay``.

Plain values come as themselves. Any other object of the program is a ``Remote``:

- it equals no plain value, is ordered against none, and is an instance of no class but the
  program's own;
- what a *function* of the program returned takes part in no arithmetic with plain numbers and
  answers no ``in``: an object that says yes to everything is no number, text or list;
- the difference of an object and a plain number is never a plain number, nor made one;
- what the program raises is raised as the built-in class it is, or as a class of ours in its
  place; never one that ends or skips a test.

Not covered: classes of the test that inherit from the program's, and objects of the test's own
classes as arguments (functions are passed on). Standard library only.
"""

from __future__ import annotations

import builtins
import cmath
from collections.abc import Callable
from typing import Any, TypeVar

PlainT = TypeVar("PlainT")

FUNCTION, PART, MADE = 0, 1, 2
"""Where a stand-in came from: a function's value, something of an object, a class that was called.
"""
PREDICATES = frozenset(
    [
        "startswith",
        "endswith",
        "isdigit",
        "isalpha",
        "isalnum",
        "isupper",
        "islower",
        "isspace",
        "istitle",
        "isnumeric",
        "isdecimal",
        "isidentifier",
        "isprintable",
        "isascii",
        "is_integer",
        "issubset",
        "issuperset",
        "isdisjoint",
    ]
)
ARITHMETIC = [
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
    "matmul",
    "divmod",
]
ORDER = ["lt", "le", "gt", "ge"]
PASSIVE = frozenset(["function", "type", "builtin_function_or_method", "method", "module"])
"""Kinds of objects that decide about no comparison."""
NUMBERS = (int, float, complex, bool)
builtin_names = frozenset(dir(builtins))


class Gone(BaseException):
    """The program has ended: no test can go on."""


class Link:
    """The way to the program, and everything that came from there."""

    def __init__(self, relay: Any, nan_ok: bool) -> None:
        self.relay, self.nan_ok = relay, nan_ok
        self.remotes: dict[int, Remote] = {}
        self.errors: dict[int, type] = {}
        self.functions: list[Callable[..., Any]] = []
        self.objects = 0
        self.changing = False

    # values ---------------------------------------------------------------------------------

    def keep(self, value: Any) -> list[Any]:
        """What stands for an object that is not plain, on the way to the program."""
        if type(value) is Remote:
            return ["o", "", value._Remote__ref]
        if isinstance(value, type) and value in self.errors.values():
            return ["o", "", next(k for k, v in self.errors.items() if v is value)]
        kind = type(value).__name__
        name = value.__name__ if isinstance(value, type) else ""
        if name and vars(builtins).get(name) is value:
            return ["T", name]
        if callable(value) and not isinstance(value, type):
            self.functions.append(value)
            return ["k", len(self.functions) - 1]
        raise TypeError(f"an object of the test's own ({kind}) cannot be handed to the program")

    def given(self, value: Any) -> Any:
        return self.relay.encode(value, self.keep)

    def taken(self, value: Any, origin: int) -> Any:
        found = self.relay.decode(value, lambda _, v: self.remote(v[1], v[2], origin))
        if not self.nan_ok and holds_nan(found):
            raise ValueError("the value is not a number (NaN), and the test expects none")
        return found

    def remote(self, kind: str, ref: int, origin: int) -> Remote:
        known = self.remotes.get(ref)
        if known is None:
            self.objects += kind not in PASSIVE
            known = self.remotes[ref] = Remote(self, ref, origin)
        elif known._Remote__origin > origin:
            object.__setattr__(known, "_Remote__origin", origin)
        return known

    # questions ------------------------------------------------------------------------------

    def ask(self, want: dict[str, Any], origin: int, next_: bool = False) -> Any:
        """Ask the program, serving its calls of the test's functions meanwhile."""
        reply = self.relay.ask({**want, "rich": True})
        while "back" in reply and "value" not in reply:
            reply = self.relay.ask(self.called_back(reply))
        if "gone" in reply:
            raise Gone(reply["gone"])
        if "value" not in reply:
            raise self.error(reply, next_)
        if "bases" in reply:
            return self.error_class(reply["value"], reply["bases"])
        return self.taken(reply["value"], origin)

    def called_back(self, reply: dict[str, Any]) -> dict[str, Any]:
        try:
            function = self.functions[reply["back"]]
            args = [self.taken(a, PART) for a in reply.get("args", ())]
            kwargs = {k: self.taken(v, PART) for k, v in reply.get("kwargs", {}).items()}
            return {"value": self.given(function(*args, **kwargs))}
        except Exception as error:  # noqa: BLE001 - the test's function may raise anything
            return {"error": type(error).__name__, "text": str(error)[:300]}

    def effect(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """A call whose value is not used: what it does to its arguments is what counts.

        Only then: elsewhere a program could change the very data that its value is compared with.
        """
        self.changing = type(function) is Remote
        try:
            return function(*args, **kwargs)
        finally:
            self.changing = False

    def call(self, want: dict[str, Any], args: Any, kwargs: Any, origin: int) -> Any:
        want["args"] = [self.given(a) for a in args]
        want["kwargs"] = {k: self.given(v) for k, v in kwargs.items()}
        if not self.changing:
            return self.ask(want, origin)
        self.changing = False
        value, after = self.ask({**want, "changed": True}, origin)
        for old, new in zip(args, after, strict=False):
            renew(old, new)
        return value

    # errors ---------------------------------------------------------------------------------

    def error(self, reply: dict[str, Any], next_: bool) -> BaseException:
        name, text = str(reply.get("error")), str(reply.get("text"))
        bases = reply.get("bases") or []
        if "type" in reply and not (bases and bases[0]):
            kind = self.error_class(reply["type"], bases)
        else:
            kind = safe_class(bases, next_)
        try:
            error: BaseException = kind(text)
        except Exception:  # noqa: BLE001 - its class may want other arguments
            error = RuntimeError(f"{name}: {text}")
        if "self" in reply and type(reply["self"]) is list:
            error.__dict__["_assay_self"] = self.taken(reply["self"], PART)
        return error

    def error_class(self, value: Any, bases: list[str]) -> type:
        ref = value[2] if type(value) is list and len(value) == 3 else -1
        if ref in self.errors:
            return self.errors[ref]
        if bases and bases[0]:
            return safe_class(bases, False)

        def more(error: Any, name: str) -> Any:
            if name == "_assay_self" or name.startswith("__"):
                raise AttributeError(name)
            return getattr(error.__dict__["_assay_self"], name)

        made = type("ProgramError", (safe_class(bases, False),), {"__getattr__": more})
        self.errors[ref] = made
        return made


def safe_class(bases: list[str], next_: bool) -> type:
    """The nearest built-in class that a program may raise into a test."""
    for name in bases:
        kind = getattr(builtins, name, None)
        if not isinstance(kind, type) or not issubclass(kind, BaseException):
            continue
        if issubclass(kind, StopIteration | StopAsyncIteration):
            return StopIteration if next_ else RuntimeError
        if issubclass(kind, KeyboardInterrupt | GeneratorExit) or kind is BaseException:
            return RuntimeError
        if issubclass(kind, UnicodeError):  # takes five arguments
            return ValueError
        return kind
    return RuntimeError


def renew(old: Any, new: Any) -> None:
    """Make a container what the program made of it, keeping its identity, and its items'."""
    if type(old) is not type(new):
        return
    if type(old) is list:
        if len(old) == len(new):
            for place, item in enumerate(new):
                if type(old[place]) is type(item) and type(item) in (list, dict, set):
                    renew(old[place], item)
                else:
                    old[place] = item
        else:
            old[:] = new
    elif type(old) in (dict, set):
        old.clear()
        old.update(new)


def holds_nan(value: Any) -> bool:
    if type(value) is float or type(value) is complex:
        return cmath.isnan(value)
    if type(value) in (list, tuple, set, frozenset):
        return any(map(holds_nan, value))
    return type(value) is dict and any(map(holds_nan, [*value.keys(), *value.values()]))


class Remote:
    """Stands for an object of the program."""

    __slots__ = ("__link", "__origin", "__ref", "__tainted")

    def __init__(self, link: Link, ref: int, origin: int) -> None:
        put = object.__setattr__
        put(self, "_Remote__link", link)
        put(self, "_Remote__ref", ref)
        put(self, "_Remote__origin", origin)
        put(self, "_Remote__tainted", False)

    def __special(self, name: str, *args: Any, origin: int = PART) -> Any:
        link = self.__link
        origin = min(origin, self.__origin)
        want = {"op": "special", "ref": self.__ref, "name": name}
        want["args"] = [link.given(a) for a in args]
        return link.ask(want, origin, next_=name == "__next__")

    def __getattr__(self, name: str) -> Any:
        if name in PREDICATES and self.__origin != MADE:
            raise AttributeError(f"an object of the program is no text, set or number: {name}")
        origin = FUNCTION if self.__origin == FUNCTION else PART
        return self.__link.ask({"op": "attr", "ref": self.__ref, "name": name}, origin)

    def __setattr__(self, name: str, value: Any) -> None:
        self.__special("__setattr__", name, value)

    def __delattr__(self, name: str) -> None:
        self.__special("__delattr__", name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__link.call({"op": "invoke", "ref": self.__ref}, args, kwargs, self.__origin)

    def __eq__(self, other: object) -> bool:
        return type(other) is Remote and self.__special("__eq__", other) is True

    def __ne__(self, other: object) -> bool:
        return type(other) is not Remote or self.__special("__ne__", other) is True

    def __hash__(self) -> int:
        return hash(("remote", self.__ref))

    def __bool__(self) -> bool:
        self.__pure("the truth of")
        return self.__special("__bool__") is True

    def __pure(self, what: str) -> None:
        if self.__tainted:
            raise TypeError(f"{what} the difference of an object and a number is not known")

    def __plain(self, name: str, kind: type[PlainT], *args: Any) -> PlainT:
        self.__pure(name)
        found = self.__special(name, *args)
        if type(found) is not kind or not isinstance(found, kind):
            raise TypeError(f"{name} gave {type(found).__name__}, not {kind.__name__}")
        return found

    def __len__(self) -> int:
        return self.__plain("__len__", int)

    def __int__(self) -> int:
        return self.__plain("__int__", int)

    def __index__(self) -> int:
        return self.__plain("__index__", int)

    def __float__(self) -> float:
        return self.__plain("__float__", float)

    def __str__(self) -> str:
        return self.__plain("__str__", str)

    def __repr__(self) -> str:
        return self.__plain("__repr__", str)

    def __format__(self, spec: str) -> str:
        return self.__plain("__format__", str, spec)

    def __contains__(self, item: object) -> bool:
        if self.__origin == FUNCTION and type(item) is not Remote:
            return any(found == item for found in self)
        return self.__special("__contains__", item) is True

    def __iter__(self) -> Any:
        found = self.__special("__iter__")
        if type(found) is not Remote:
            raise TypeError("not an iterator")
        return found

    def __next__(self) -> Any:
        return self.__special("__next__")

    def __getitem__(self, key: Any) -> Any:
        if type(key) is slice:
            return self.__special("__getslice__", key.start, key.stop, key.step)
        return self.__special("__getitem__", key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__special("__setitem__", key, value)

    def __delitem__(self, key: Any) -> None:
        self.__special("__delitem__", key)

    def __enter__(self) -> Any:
        return self.__special("__enter__")

    def __exit__(self, *error: object) -> bool:
        return self.__special("__exit__", None, None, None) is True

    def __instancecheck__(self, other: Any) -> bool:
        return type(other) is Remote and self.__special("__instancecheck__", other) is True

    def __subclasscheck__(self, other: Any) -> bool:
        return type(other) is Remote and self.__special("__subclasscheck__", other) is True

    def __arithmetic(self, name: str, *others: Any) -> Any:
        other = others[0] if others else None
        numeric = bool(others) and isinstance(other, NUMBERS)
        if numeric and self.__origin == FUNCTION:
            raise TypeError("what a function of the program returned is no number")
        self.__pure(name)
        found = self.__special(name, *others, origin=MADE)
        if numeric and isinstance(found, NUMBERS):
            raise TypeError("an object and a number make no number")
        if type(found) is Remote and numeric and "sub" in name:
            object.__setattr__(found, "_Remote__tainted", True)
        return found

    def __order(self, name: str, other: Any) -> bool:
        if type(other) is not Remote:
            raise TypeError("an object of the program is not ordered against a plain value")
        self.__pure(name)
        return self.__special(name, other) is True


def _fill() -> None:
    def arithmetic(name: str) -> Callable[..., Any]:
        return lambda self, *others: self._Remote__arithmetic(name, *others)

    def order(name: str) -> Callable[..., Any]:
        return lambda self, other: self._Remote__order(name, other)

    for stem in ARITHMETIC:
        for name in (f"__{stem}__", f"__r{stem}__"):
            setattr(Remote, name, arithmetic(name))
    for stem in ("neg", "pos", "abs", "invert", "round", "trunc", "floor", "ceil"):
        setattr(Remote, f"__{stem}__", arithmetic(f"__{stem}__"))
    for stem in ORDER:
        setattr(Remote, f"__{stem}__", order(f"__{stem}__"))


_fill()
