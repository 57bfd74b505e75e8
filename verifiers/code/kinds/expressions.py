"""Expressions of checked test code, read into functions of ours; see ``plain``.

Each is checked against a closed list before (``allowed``). What is read evaluates on a ``Machine``,
over the program's values; an object of the program's takes part in nothing but being unequal.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ....sandbox.values import Opaque, is_plain
from .allowed import BINARY, COMPARE, METHODS, MODULES, SAFE, TYPES, UNARY, is_literal
from .guards import UNKNOWN, NeedsJudge, bounded, no_objects
from .machine import Machine

__all__ = ["Bind", "Expressions", "Value", "steps_of", "truth"]

Value = Callable[[Machine], Any]
Bind = Callable[[Machine, Any], None]
Turns = Callable[[Machine], Iterator[None]]


class Expressions:
    """A method for each kind: what it gives does at run time what the node says.

    Args:
        functions: the names of the program's.
        changing: a list may be changed: each literal is a new one each time.
    """

    def __init__(self, functions: set[str], *, changing: bool) -> None:
        self._functions, self._changing = functions, changing

    def value(self, node: ast.expr) -> Value:
        if type(node) not in _EXPRESSIONS:
            return _refused(f"{type(node).__name__} in the test")
        return _EXPRESSIONS[type(node)](self, node)

    def target(self, node: ast.expr) -> Bind:
        """Gives names their values."""
        if isinstance(node, ast.Name):
            name = node.id

            def bind(machine: Machine, value: Any) -> None:
                machine.names[name] = value

            return bind
        assert isinstance(node, ast.Tuple)
        parts = [self.target(part) for part in node.elts]

        def unpack(machine: Machine, value: Any) -> None:
            items = [UNKNOWN] * len(parts) if value is UNKNOWN else machine.items(value)
            for part, item in zip(parts, items, strict=True):
                part(machine, item)

        return unpack

    def values(self, nodes: Sequence[ast.expr]) -> Callable[[Machine], list[Any]]:
        parts = [self.value(node) for node in nodes]
        return lambda machine: [part(machine) for part in parts]

    def constant(self, node: ast.Constant) -> Value:
        value: Any = node.value
        if self._changing and isinstance(value, list | tuple | dict | set):
            return lambda _: copy.deepcopy(value)
        return lambda _: value

    def name(self, node: ast.Name) -> Value:
        name = node.id
        kind = SAFE[name] if name in TYPES and name not in self._functions else None

        def value(machine: Machine) -> Any:
            names = machine.names
            if name in names:
                return names[name]
            if kind is None:
                raise NeedsJudge(f"the name {name!r} as a value")
            return kind

        return value

    def call(self, node: ast.Call) -> Value:
        function = node.func
        if isinstance(function, ast.Attribute):
            return self.method(node, function)
        assert isinstance(function, ast.Name)
        name, arguments = function.id, self.arguments(node)
        if name in self._functions:
            return self.asked(node, name, arguments)

        def value(machine: Machine) -> Any:
            args, kwargs = arguments(machine)
            if name in machine.names:
                return machine.tool(machine.names[name], args, kwargs)
            return machine.builtin(name, args, kwargs)

        return value

    def asked(self, node: ast.Call, name: str, arguments: Value) -> Value:
        """A call of the program's function."""
        literal = is_literal(node)

        def value(machine: Machine) -> Any:
            args, kwargs = arguments(machine)
            if not literal and not all(map(machine.sendable, [*args, *kwargs.values()])):
                machine.skipped = True
                return UNKNOWN
            return machine.ask(node, name, args, kwargs)

        return value

    def arguments(self, node: ast.Call) -> Callable[[Machine], tuple[list[Any], dict[str, Any]]]:
        args = self.values(node.args)
        if not node.keywords:
            return lambda machine: (args(machine), {})
        named = [(k.arg, self.value(k.value)) for k in node.keywords if k.arg is not None]
        return lambda machine: (args(machine), {key: value(machine) for key, value in named})

    def method(self, node: ast.Call, function: ast.Attribute) -> Value:
        arguments, name = self.arguments(node), function.attr
        if isinstance(function.value, ast.Name) and function.value.id in MODULES:
            module = function.value.id
            return lambda machine: machine.tool(
                machine.of_module(module, name), *arguments(machine)
            )
        owner, kinds = self.value(function.value), METHODS.get(name, ())

        def value(machine: Machine) -> Any:
            found = owner(machine)
            args, kwargs = arguments(machine)
            if machine.unknown(found, *args):
                return UNKNOWN
            if type(found) not in kinds or kwargs or not all(map(is_plain, args)):
                raise NeedsJudge(f".{name} of an object")
            given = getattr(found, name)(*args)
            return list(given) if name in ("keys", "values", "items") else given

        return value

    def attribute(self, node: ast.Attribute) -> Value:
        module = node.value.id if isinstance(node.value, ast.Name) else ""
        if module == "random" or node.attr not in MODULES.get(module, ()):
            return _refused(f".{node.attr} as a value")
        value = MODULES[module][node.attr]
        return lambda _: value

    def comparison(self, node: ast.Compare) -> Value:
        first = self.value(node.left)
        rest = [
            (COMPARE[type(kind)], isinstance(kind, _OF_OBJECTS), self.value(right))
            for kind, right in zip(node.ops, node.comparators, strict=True)
        ]

        def value(machine: Machine) -> Any:
            left = first(machine)
            for compare, of_objects, right_of in rest:
                right = right_of(machine)
                if not machine.unknown(left, right):
                    if not of_objects:
                        no_objects(left, right)
                    if not compare(left, right):
                        return False
                left = right
            return True

        return value

    def boolean(self, node: ast.BoolOp) -> Value:
        parts, stop_at = [self.value(part) for part in node.values], isinstance(node.op, ast.Or)

        def value(machine: Machine) -> Any:
            found: Any = None
            for part in parts:
                found = part(machine)
                if found is not UNKNOWN and truth(found) is stop_at and not machine.collecting:
                    return found
            return found

        return value

    def binary(self, node: ast.BinOp) -> Value:
        left_of, right_of, kind = self.value(node.left), self.value(node.right), node.op
        operation = BINARY[type(kind)]

        def value(machine: Machine) -> Any:
            left, right = left_of(machine), right_of(machine)
            if machine.unknown(left, right):
                return UNKNOWN
            no_objects(left, right)
            bounded(kind, left, right)
            return operation(left, right)

        return value

    def unary(self, node: ast.UnaryOp) -> Value:
        operand, operation = self.value(node.operand), UNARY[type(node.op)]

        def value(machine: Machine) -> Any:
            found = operand(machine)
            if machine.unknown(found):
                return UNKNOWN
            no_objects(found)
            return operation(found)

        return value

    def choice(self, node: ast.IfExp) -> Value:
        test, body, other = map(self.value, (node.test, node.body, node.orelse))

        def value(machine: Machine) -> Any:
            found = test(machine)
            if found is UNKNOWN:
                return UNKNOWN
            return body(machine) if truth(found) else other(machine)

        return value

    def subscript(self, node: ast.Subscript) -> Value:
        owner, key_of = self.value(node.value), self.value(node.slice)

        def value(machine: Machine) -> Any:
            found, key = owner(machine), key_of(machine)
            if machine.unknown(found, key):
                return UNKNOWN
            no_objects(found)
            return found[key]

        return value

    def slice_(self, node: ast.Slice) -> Value:
        bounds = self.values([b or ast.Constant(None) for b in (node.lower, node.upper, node.step)])

        def value(machine: Machine) -> Any:
            found = bounds(machine)
            return UNKNOWN if machine.unknown(*found) else slice(*found)

        return value

    def list_(self, node: ast.List) -> Value:
        return self.values(node.elts)

    def tuple_(self, node: ast.Tuple) -> Value:
        items = self.values(node.elts)
        return lambda machine: tuple(items(machine))

    def set_(self, node: ast.Set) -> Value:
        items = self.values(node.elts)

        def value(machine: Machine) -> Any:
            found = items(machine)
            return UNKNOWN if machine.unknown(*found) else set(found)

        return value

    def dict_(self, node: ast.Dict) -> Value:
        keys = [key for key in node.keys if key is not None]
        if len(keys) < len(node.keys):
            return _refused("** in a mapping")
        pairs = [(self.value(k), self.value(v)) for k, v in zip(keys, node.values, strict=True)]

        def value(machine: Machine) -> Any:
            found = [(key(machine), item(machine)) for key, item in pairs]
            return UNKNOWN if machine.unknown(*[key for key, _ in found]) else dict(found)

        return value

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> Value:
        item, turns = self.value(node.elt), self.turns(node.generators, node.elt)
        is_set = isinstance(node, ast.SetComp)

        def value(machine: Machine) -> Any:
            found = [item(machine) for _ in turns(machine)]
            if is_set:
                return UNKNOWN if machine.unknown(*found) else set(found)
            return found

        return value

    def dict_comprehension(self, node: ast.DictComp) -> Value:
        key, item = self.value(node.key), self.value(node.value)
        turns = self.turns(node.generators, node.key, node.value)

        def value(machine: Machine) -> Any:
            found = [(key(machine), item(machine)) for _ in turns(machine)]
            return UNKNOWN if machine.unknown(*[key for key, _ in found]) else dict(found)

        return value

    def turns(self, generators: Sequence[ast.comprehension], *made: ast.expr) -> Turns:
        """Bind the loop variables, once for each turn; the names stay the loop's own."""
        first, rest = generators[0], generators[1:]
        source, bind = self.value(first.iter), self.target(first.target)
        tests = [self.value(test) for test in first.ifs]
        inner = self.turns(rest, *made) if rest else None
        steps = steps_of(*first.ifs, *(made if inner is None else ()))

        def turns(machine: Machine) -> Iterator[None]:
            items = machine.items(source(machine), steps)
            kept = dict(machine.names)
            for item in items:
                bind(machine, item)
                if all(truth(test(machine)) for test in tests):
                    if inner is None:
                        yield
                    else:
                        yield from inner(machine)
            machine.names = kept

        return turns


def steps_of(*nodes: ast.AST) -> int:
    """Of one turn of a loop, at most; loops in it take their own."""
    return 1 + sum(isinstance(n, ast.expr | ast.stmt) for node in nodes for n in ast.walk(node))


def truth(value: Any) -> bool:
    if value is UNKNOWN:
        return True
    if type(value) is Opaque:
        raise NeedsJudge("the truth of an object")
    return bool(value)


def _refused(why: str) -> Value:
    def value(_: Machine) -> Any:
        raise NeedsJudge(why)

    return value


_OF_OBJECTS = ast.Eq, ast.NotEq, ast.Is, ast.IsNot
"""Comparisons that an object of the program may be in: it equals nothing."""
_EXPRESSIONS: dict[type, Callable[[Expressions, Any], Value]] = {
    ast.Constant: Expressions.constant,
    ast.Call: Expressions.call,
    ast.Compare: Expressions.comparison,
    ast.Name: Expressions.name,
    ast.Attribute: Expressions.attribute,
    ast.BoolOp: Expressions.boolean,
    ast.BinOp: Expressions.binary,
    ast.UnaryOp: Expressions.unary,
    ast.IfExp: Expressions.choice,
    ast.Subscript: Expressions.subscript,
    ast.Slice: Expressions.slice_,
    ast.List: Expressions.list_,
    ast.Tuple: Expressions.tuple_,
    ast.Set: Expressions.set_,
    ast.Dict: Expressions.dict_,
    ast.ListComp: Expressions.comprehension,
    ast.SetComp: Expressions.comprehension,
    ast.GeneratorExp: Expressions.comprehension,
    ast.DictComp: Expressions.dict_comprehension,
}
