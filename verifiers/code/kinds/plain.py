"""Test code simple enough to be evaluated here, over values that came back as data.

Most tests of HumanEval and MBPP are assertions about calls with literal arguments. Such code is
read into a tree, checked against a closed list (``allowed``), and walked by the evaluator
below: the test's code is never executed, and neither is the program's. Costs are bounded: what
could be slow on a hostile value (powers, long products, objects) raises ``NeedsJudge``, and the
tests run in a second sandbox instead; see ``relay``.

Not covered here, and left to that: functions, classes, ``try``, ``with``, lambdas, calls for their
effect on an argument, attributes of objects.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Callable, Iterator
from typing import Any

from ....sandbox.values import Opaque, collides, is_plain
from .allowed import BINARY, COMPARE, METHODS, MODULES, SAFE, TYPES, UNARY, is_literal
from .guards import (
    UNKNOWN,
    NeedsJudge,
    bounded,
    has_unknown,
    is_instance,
    keys_of,
    no_objects,
)

__all__ = ["Ask", "CallFailed", "Machine"]

MAX_STEPS = 200_000

Ask = Callable[[ast.Call, str, list[Any], dict[str, Any]], Any]
"""Called for a call of the program's function: the node, the name, the arguments."""


class CallFailed(Exception):  # noqa: N818 - an outcome of the program
    """The program's call gave no value; the message says why."""


class Machine:
    """Evaluates checked test code.

    Args:
        ask: gives the value of a call of the program's function.
        functions: the names of those.
        collecting: every such call gives ``UNKNOWN``, and nothing is decided.
    """

    def __init__(self, ask: Ask, functions: set[str], *, collecting: bool = False) -> None:
        self._ask, self._functions, self._collecting = ask, functions, collecting
        self._names: dict[str, Any] = {}
        self._steps = 0
        self._random = random.Random(0)  # noqa: S311 - inputs of tests, the same each time
        self.skipped = False
        """Whether a call was left out while collecting, for want of its arguments."""

    def run(self, body: list[ast.stmt], judged: Callable[[ast.Assert, bool, str], None]) -> None:
        """Execute statements; ``judged`` hears of each assertion.

        Raises ``CallFailed`` or what the test code raises outside an assertion, and ``NeedsJudge``.
        """
        for statement in body:
            self._step()
            if isinstance(statement, ast.Assert):
                judged(statement, *self._assert(statement))
            elif isinstance(statement, ast.Assign):
                value = self.value(statement.value)
                # a literal list is one object of the tree, and may be appended to
                self._bind(statement.targets[0], list(value) if type(value) is list else value)
            elif isinstance(statement, ast.Expr):
                self._effect(statement.value)
            elif isinstance(statement, ast.ImportFrom):
                for alias in statement.names:
                    self._names[alias.name] = self._of_module(statement.module or "", alias.name)
            elif isinstance(statement, ast.For):
                for item in self._items(self.value(statement.iter)):
                    self._bind(statement.target, item)
                    self.run(statement.body, judged)
            elif isinstance(statement, ast.If):
                self._branch(statement, judged)

    def _effect(self, node: ast.expr) -> None:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            if type(owner) is not list:
                raise NeedsJudge("an effect on what the program gave")
            owner.append(self.value(node.args[0]))

    def _of_module(self, module: str, name: str) -> Any:
        if module == "random":
            return random.Random if name == "Random" else getattr(self._random, name)
        return MODULES[module][name]

    def _branch(self, statement: ast.If, judged: Callable[[ast.Assert, bool, str], None]) -> None:
        found = self.value(statement.test)
        if found is UNKNOWN:
            raise NeedsJudge("a branch on a value of the program")
        self.run(statement.body if self._truth(found) else statement.orelse, judged)

    def _assert(self, statement: ast.Assert) -> tuple[bool, str]:
        try:
            return self._truth(self.value(statement.test)), ""
        except NeedsJudge:
            raise
        except CallFailed as failed:
            return False, str(failed)
        except Exception as error:  # noqa: BLE001 - a value of the wrong type fails the test
            return False, f"comparing the value raised {type(error).__name__}: {error}"[:200]

    def _step(self, count: int = 1) -> None:
        self._steps += count
        if self._steps > MAX_STEPS:
            raise NeedsJudge("many steps")

    def _unknown(self, *values: Any) -> bool:
        """Whether one of them is not known yet. All are, once nothing is collected any more."""
        return self._collecting and any(map(has_unknown, values))

    # expressions ----------------------------------------------------------------------------

    def value(self, node: ast.expr) -> Any:
        """The value of an expression."""
        if type(node) is ast.Constant:
            return node.value
        self._step()
        found: Any = _EVALUATORS[type(node)](self, node)
        return found

    def _truth(self, value: Any) -> bool:
        if value is UNKNOWN:
            return True
        if type(value) is Opaque:
            raise NeedsJudge("the truth of an object")
        return bool(value)

    def _name(self, node: ast.Name) -> Any:
        if node.id in self._names:
            return self._names[node.id]
        if node.id in TYPES and node.id not in self._functions:
            return SAFE[node.id]
        raise NeedsJudge(f"the name {node.id!r} as a value")

    def _call(self, node: ast.Call) -> Any:
        function = node.func
        if isinstance(function, ast.Attribute):
            return self._method(node, function)
        assert isinstance(function, ast.Name)
        args, kwargs = self._arguments(node)
        if function.id in self._functions:
            if not is_literal(node) and not all(map(self._sendable, [*args, *kwargs.values()])):
                self.skipped = True
                return UNKNOWN
            return self._ask(node, function.id, args, kwargs)
        if function.id in self._names:
            return self._tool(self._names[function.id], args, kwargs)
        return self._builtin(function.id, args, kwargs)

    def _tool(self, tool: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """A function of one of the modules."""
        if self._unknown(*args):
            return UNKNOWN
        if not all(map(is_plain, args)):
            raise NeedsJudge("an object handed to a module's function")
        return tool(*args, **kwargs)

    def _sendable(self, value: Any) -> bool:
        if isinstance(value, type) or (value is not UNKNOWN and not is_plain(value)):
            raise NeedsJudge("an object as an argument")
        return not self._unknown(value)

    def _arguments(self, node: ast.Call) -> tuple[list[Any], dict[str, Any]]:
        args = [self.value(arg) for arg in node.args]
        if not node.keywords:
            return args, {}
        return args, {k.arg: self.value(k.value) for k in node.keywords if k.arg is not None}

    def _builtin(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
        if self._unknown(*args, *kwargs.values()):
            return UNKNOWN
        if name == "range":
            made = range(*args)
            self._step(len(made))
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

    def _method(self, node: ast.Call, function: ast.Attribute) -> Any:
        if isinstance(function.value, ast.Name) and function.value.id in MODULES:
            tool = self._of_module(function.value.id, function.attr)
            return self._tool(tool, *self._arguments(node))
        owner = self.value(function.value)
        args, kwargs = self._arguments(node)
        if self._unknown(owner, *args):
            return UNKNOWN
        if (
            type(owner) not in METHODS.get(function.attr, ())
            or kwargs
            or not all(map(is_plain, args))
        ):
            raise NeedsJudge(f".{function.attr} of an object")
        found = getattr(owner, function.attr)(*args)
        return list(found) if function.attr in ("keys", "values", "items") else found

    def _attribute(self, node: ast.Attribute) -> Any:
        module = node.value.id if isinstance(node.value, ast.Name) else ""
        if module in MODULES and module != "random":
            return MODULES[module][node.attr]
        raise NeedsJudge(f".{node.attr} as a value")

    def _compare(self, node: ast.Compare) -> Any:
        left = self.value(node.left)
        for kind, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.value(right_node)
            if self._unknown(left, right):
                left = right
                continue
            if not isinstance(kind, ast.Eq | ast.NotEq | ast.Is | ast.IsNot):
                no_objects(left, right)
            if not COMPARE[type(kind)](left, right):
                return False
            left = right
        return True

    def _bool(self, node: ast.BoolOp) -> Any:
        stop_at = isinstance(node.op, ast.Or)
        found: Any = None
        for part in node.values:
            found = self.value(part)
            if found is not UNKNOWN and self._truth(found) is stop_at and not self._collecting:
                return found
        return found

    def _binary(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        if self._unknown(left, right):
            return UNKNOWN
        no_objects(left, right)
        bounded(node.op, left, right)
        return BINARY[type(node.op)](left, right)

    def _unary(self, node: ast.UnaryOp) -> Any:
        value = self.value(node.operand)
        if self._unknown(value):
            return UNKNOWN
        no_objects(value)
        return UNARY[type(node.op)](value)

    def _choice(self, node: ast.IfExp) -> Any:
        found = self.value(node.test)
        if found is UNKNOWN:
            return UNKNOWN
        return self.value(node.body if self._truth(found) else node.orelse)

    def _subscript(self, node: ast.Subscript) -> Any:
        owner = self.value(node.value)
        if isinstance(node.slice, ast.Slice):
            bounds = (node.slice.lower, node.slice.upper, node.slice.step)
            key: Any = [None if b is None else self.value(b) for b in bounds]
            unknown = self._unknown(*key)
            key = key if unknown else slice(*key)
        else:
            key = self.value(node.slice)
            unknown = self._unknown(key)
        if unknown or self._unknown(owner):
            return UNKNOWN
        no_objects(owner)
        return owner[key]

    def _list(self, node: ast.List) -> Any:
        return [self.value(item) for item in node.elts]

    def _tuple(self, node: ast.Tuple) -> Any:
        return tuple(self.value(item) for item in node.elts)

    def _set(self, node: ast.Set) -> Any:
        items = [self.value(item) for item in node.elts]
        return UNKNOWN if self._unknown(*items) else set(items)

    def _dict(self, node: ast.Dict) -> Any:
        if any(key is None for key in node.keys):
            raise NeedsJudge("** in a mapping")
        pairs = [(self.value(k), self.value(v)) for k, v in zip(node.keys, node.values, strict=True) if k]  # fmt: skip  # noqa: E501
        return UNKNOWN if self._unknown(*[k for k, _ in pairs]) else dict(pairs)

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Any:
        found = [self.value(node.elt) for _ in self._loops(node.generators)]
        if isinstance(node, ast.SetComp):
            return UNKNOWN if self._unknown(*found) else set(found)
        return found

    def _dict_comprehension(self, node: ast.DictComp) -> Any:
        pairs = [(self.value(node.key), self.value(node.value)) for _ in self._loops(node.generators)]  # fmt: skip  # noqa: E501
        return UNKNOWN if self._unknown(*[k for k, _ in pairs]) else dict(pairs)

    def _loops(self, generators: list[ast.comprehension]) -> Iterator[None]:
        """Bind the loop variables, once for each turn; the names stay the loop's own."""
        if not generators:
            yield
            return
        first, rest = generators[0], generators[1:]
        items = self._items(self.value(first.iter))
        kept = dict(self._names)
        for item in items:
            self._bind(first.target, item)
            if not first.ifs or all(self._truth(self.value(test)) for test in first.ifs):
                if rest:
                    yield from self._loops(rest)
                else:
                    yield
        self._names = kept

    def _items(self, value: Any) -> list[Any]:
        if value is UNKNOWN or type(value) is Opaque:
            raise NeedsJudge("a loop over what the program gave")
        items = list(value)
        self._step(len(items))
        return items

    def _bind(self, target: ast.expr, value: Any) -> None:
        if isinstance(target, ast.Name):
            self._names[target.id] = value
            return
        assert isinstance(target, ast.Tuple)
        if value is UNKNOWN:
            value = [UNKNOWN] * len(target.elts)
        for part, item in zip(target.elts, self._items(value), strict=True):
            self._bind(part, item)


_EVALUATORS: dict[type, Callable[[Machine, Any], Any]] = {
    ast.Call: Machine._call,
    ast.Compare: Machine._compare,
    ast.Name: Machine._name,
    ast.Attribute: Machine._attribute,
    ast.BoolOp: Machine._bool,
    ast.BinOp: Machine._binary,
    ast.UnaryOp: Machine._unary,
    ast.IfExp: Machine._choice,
    ast.Subscript: Machine._subscript,
    ast.List: Machine._list,
    ast.Tuple: Machine._tuple,
    ast.Set: Machine._set,
    ast.Dict: Machine._dict,
    ast.ListComp: Machine._comprehension,
    ast.SetComp: Machine._comprehension,
    ast.GeneratorExp: Machine._comprehension,
    ast.DictComp: Machine._dict_comprehension,
}
