"""What test code may consist of to be evaluated by ``plain``: closed lists, and a check.

Not covered: what it evaluates to.
"""

from __future__ import annotations

import ast
import builtins
import copy
import math
import operator
import random
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = [
    "BINARY",
    "COMPARE",
    "METHODS",
    "MODULES",
    "RANDOM",
    "SAFE",
    "TYPES",
    "UNARY",
    "below",
    "changes_a_list",
    "fold",
    "is_literal",
    "nodes_of",
    "why_not",
]

SAFE: dict[str, Callable[..., Any]] = {
    name: getattr(builtins, name)
    for name in (
        "abs", "all", "any", "bool", "complex", "dict", "divmod", "enumerate", "float",
        "frozenset", "int", "isinstance", "len", "list", "max", "min", "ord", "chr", "repr",
        "reversed", "round", "set", "sorted", "str", "sum", "tuple", "type", "zip", "bytes",
    )
}  # fmt: skip
TYPES = {"bool", "complex", "dict", "float", "frozenset", "int", "list", "set", "str", "tuple"}
METHODS: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(
        ("lower", "upper", "strip", "lstrip", "rstrip", "split", "splitlines", "join",
         "startswith", "endswith", "isdigit", "isalpha", "isupper", "islower", "isalnum", "title",
         "capitalize", "swapcase", "find"), (str,)
    ),
    **dict.fromkeys(("keys", "values", "items", "get"), (dict,)),
    **dict.fromkeys(("union", "intersection", "difference", "issubset", "issuperset"),
                    (set, frozenset)),
    **dict.fromkeys(("count", "index"), (str, list, tuple)),
    "is_integer": (float,),
    **dict.fromkeys(("randint", "randrange", "choice", "random", "uniform"), (random.Random,)),
}  # fmt: skip
_MATH = {
    name: getattr(math, name)
    for name in (
        "isclose", "sqrt", "fabs", "floor", "ceil", "isnan", "isinf", "isfinite", "pi", "e",
        "inf", "nan", "tau", "sin", "cos", "tan", "atan", "atan2", "exp", "log", "log2", "log10",
        "hypot", "trunc", "copysign", "radians", "degrees", "fsum",
    )
}  # fmt: skip
RANDOM = frozenset(("randint", "randrange", "choice", "random", "uniform", "seed", "Random"))
MODULES: dict[str, Mapping[str, Any]] = {
    "math": _MATH,
    "copy": {"copy": copy.deepcopy, "deepcopy": copy.deepcopy},
    "string": {
        name: getattr(string, name)
        for name in ("ascii_lowercase", "ascii_uppercase", "ascii_letters", "digits", "punctuation")
    },
    "random": dict.fromkeys(RANDOM),
}
"""What test code may use of which module. Numbers of ``random`` come from a generator of the
evaluator's own, so that a task has the same ones each time."""
BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul,
    ast.Div: operator.truediv, ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod,
    ast.Pow: operator.pow, ast.BitAnd: operator.and_, ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}  # fmt: skip
UNARY: dict[type, Callable[[Any], Any]] = {
    ast.USub: operator.neg, ast.UAdd: operator.pos, ast.Not: operator.not_,
    ast.Invert: operator.invert,
}  # fmt: skip
COMPARE: dict[type, Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le,
    ast.Gt: operator.gt, ast.GtE: operator.ge, ast.Is: operator.is_, ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b, ast.NotIn: lambda a, b: a not in b,
}  # fmt: skip
_ALLOWED = (
    ast.Assert, ast.Assign, ast.For, ast.If, ast.Pass, ast.Expr, ast.Import,
    ast.ImportFrom, ast.alias, ast.Name,
    ast.Load, ast.Store, ast.Constant, ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Call,
    ast.keyword, ast.Compare, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.BinOp, ast.IfExp,
    ast.Subscript, ast.Slice, ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp,
    ast.comprehension, ast.Attribute, *BINARY, *UNARY, *COMPARE,
)  # fmt: skip


def nodes_of(roots: Sequence[ast.AST]) -> list[ast.AST]:
    """All nodes below, and these, parents first: as ``ast.walk``, for a third of its time."""
    nodes: list[ast.AST] = []
    level = list(roots)
    while level:
        nodes += level
        level = below(level)
    return nodes


def below(level: Sequence[ast.AST]) -> list[ast.AST]:
    """The children of nodes."""
    children: list[ast.AST] = []
    for node in level:
        if isinstance(node, ast.Constant | ast.Name):
            continue
        for name in node._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                children += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST):
                children.append(value)
    return children


def why_not(nodes: list[ast.AST], functions: set[str]) -> str:
    """Why code is not for the evaluator; empty when it is. ``functions``: the program's."""
    bound = {n.id for n in nodes if isinstance(n, ast.Name) and _stored(n)}
    called = {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    if bound & (functions | called | MODULES.keys()):
        return "a name is bound again"
    bound |= {a.name for n in nodes if isinstance(n, ast.ImportFrom) for a in n.names}
    for node in nodes:
        if not isinstance(node, _ALLOWED):
            return f"{type(node).__name__} in the test"
        why = _odd(node, functions, bound)
        if why:
            return why
    return ""


def _stored(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)


def _odd(node: ast.AST, functions: set[str], bound: set[str]) -> str:
    """What is wrong with one node of an allowed type."""
    if isinstance(node, ast.Name) and not _stored(node):
        known = node.id in bound or node.id in functions or node.id in SAFE
        return "" if known or node.id in MODULES or node.id == "range" else f"the name {node.id!r}"
    if isinstance(node, ast.Import):
        plain = all(a.name in MODULES and a.asname is None for a in node.names)
        return "" if plain else "an import"
    if isinstance(node, ast.ImportFrom):
        names = MODULES.get(node.module or "", {})
        plain = all(a.name in names and a.asname is None for a in node.names)
        return "" if plain else "an import"
    if isinstance(node, ast.Expr):
        return (
            ""
            if isinstance(node.value, ast.Constant) or is_append(node.value)
            else "a call for its effect"
        )
    if isinstance(node, ast.Attribute):
        module = node.value.id if isinstance(node.value, ast.Name) else ""
        known = node.attr in MODULES.get(module, METHODS) or node.attr == "append"
        return "" if known else f".{node.attr}"
    if isinstance(node, ast.Call):
        return _odd_call(node)
    if isinstance(node, ast.Assign):
        plain = len(node.targets) == 1 and _is_target(node.targets[0])
        return "" if plain else "an assignment to more than names"
    if isinstance(node, ast.For | ast.comprehension):
        odd = (isinstance(node, ast.For) and node.orelse) or getattr(node, "is_async", False)
        return "an odd loop" if odd or not _is_target(node.target) else ""
    return ""


def is_append(node: ast.expr) -> bool:
    """``name.append(value)``: the one change of a value that is evaluated."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "append"
        and isinstance(node.func.value, ast.Name)
        and len(node.args) == 1
    )


def changes_a_list(nodes: list[ast.AST]) -> bool:
    """Whether any statement does."""
    return any(isinstance(node, ast.Expr) and is_append(node.value) for node in nodes)


def is_literal(call: ast.Call) -> bool:
    """Whether there is nothing to work out about a call's arguments."""
    return not call.keywords and all(type(arg) is ast.Constant for arg in call.args)


def _odd_call(node: ast.Call) -> str:
    if any(k.arg is None for k in node.keywords):
        return "** in a call"
    if not isinstance(node.func, ast.Name | ast.Attribute):
        return "a call of a value"
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name == "sum" and len(node.args) != 1:
        return "sum with a start"
    if name == "type" and len(node.args) != 1:
        return "type with three arguments"
    return ""


def _is_target(node: ast.expr) -> bool:
    if isinstance(node, ast.Tuple):
        return all(isinstance(item, ast.Name) for item in node.elts)
    return isinstance(node, ast.Name)


def fold(nodes: list[ast.AST]) -> None:
    """Literal containers become constants, since reading them is most of the work.

    ``nodes``: parents before their children, as ``nodes_of`` gives them.
    """
    for node in reversed(nodes):
        for name in node._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                value[:] = [_folded(item) for item in value]
            elif type(value) in _FOLDED:
                setattr(node, name, _folded(value))


_FOLDED = frozenset((ast.List, ast.Tuple, ast.Set, ast.Dict, ast.UnaryOp))


def _folded(node: Any) -> Any:
    """The node, or a constant in its place; what is below it has been folded."""
    if type(node) not in _FOLDED:
        return node
    if isinstance(node, ast.UnaryOp):
        number: Any = getattr(node.operand, "value", None)
        if type(number) not in (int, float, complex) or not isinstance(node.op, ast.USub):
            return node
        return ast.Constant(-number)
    parts: list[Any] = [*node.keys, *node.values] if isinstance(node, ast.Dict) else node.elts
    if not all(type(part) is ast.Constant for part in parts):
        return node
    values: list[Any] = [part.value for part in parts]
    try:
        made: Any = _CONTAINERS[type(node)](values)
        return ast.Constant(made)
    except TypeError:  # a key that cannot be one: let the test fail of it
        return node


def _halves(parts: list[Any]) -> tuple[list[Any], list[Any]]:
    half = len(parts) // 2
    return parts[:half], parts[half:]


_CONTAINERS: dict[type, Callable[[list[Any]], Any]] = {
    ast.List: list, ast.Tuple: tuple, ast.Set: set,
    ast.Dict: lambda parts: dict(zip(*_halves(parts), strict=True)),
}  # fmt: skip
