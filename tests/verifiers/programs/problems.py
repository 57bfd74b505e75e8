"""Twenty small problems of our own in HumanEval's layout, for mutants and for benchmarks.

Each has a right solution and tests that fix its behaviour. Not covered: hard problems.
"""

# ruff: noqa: E501 - tables of programs: one that fits a line stays on it

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Any

from .tasks import check

__all__ = ["PROBLEMS", "Problem"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """``prompt + solution`` is a right program; ``test`` defines ``check(candidate)``."""

    task_id: str
    entry_point: str
    prompt: str
    solution: str
    test: str

    @property
    def program(self) -> str:
        """The right program."""
        return self.prompt + self.solution

    @property
    def ground_truth(self) -> Mapping[str, Any]:
        """Tests of the kind ``check``."""
        return check(self.entry_point, self.test, time_s=0.6)

    @property
    def row(self) -> dict[str, str]:
        """As HumanEval's file has it."""
        return {
            "task_id": self.task_id,
            "prompt": self.prompt,
            "entry_point": self.entry_point,
            "canonical_solution": self.solution,
            "test": self.test,
        }


def _problem(head: str, told: str, body: str, rows: Sequence[tuple[Sequence[Any], Any]]) -> Problem:
    name = head.partition("(")[0]
    lines = [
        f"    assert candidate({', '.join(map(repr, args))}) == {expected!r}"
        for args, expected in rows
    ]
    return Problem(
        task_id=f"own/{name}",
        entry_point=name,
        prompt=f'def {head}:\n    """{told}"""\n',
        solution=indent(body.strip("\n"), "    ") + "\n",
        test="def check(candidate):\n" + "\n".join(lines) + "\n",
    )


PROBLEMS: tuple[Problem, ...] = (
    _problem(
        "gcd(a, b)",
        "The greatest common divisor of two positive numbers.",
        "while b:\n    a, b = b, a % b\nreturn a",
        [((12, 18), 6), ((7, 5), 1), ((100, 10), 10), ((9, 9), 9)],
    ),
    _problem(
        "is_prime(n)",
        "Whether n is a prime number.",
        "if n < 2:\n    return False\ni = 2\nwhile i * i <= n:\n    if n % i == 0:\n"
        "        return False\n    i += 1\nreturn True",
        [((1,), False), ((2,), True), ((9,), False), ((25,), False), ((97,), True), ((0,), False)],
    ),
    _problem(
        "runs(text)",
        "Run lengths as [letter, count] pairs.",
        "out = []\nfor c in text:\n    if out and out[-1][0] == c:\n        out[-1][1] += 1\n"
        "    else:\n        out.append([c, 1])\nreturn out",
        [(("aab",), [["a", 2], ["b", 1]]), (("",), []), (("abba",), [["a", 1], ["b", 2], ["a", 1]])],
    ),
    _problem(
        "rotate(items, k)",
        "The list turned to the right by k places.",
        "if not items:\n    return []\nk = k % len(items)\nreturn items[-k:] + items[:-k] if k else "
        "items[:]",
        [(([1, 2, 3], 1), [3, 1, 2]), (([1, 2], 2), [1, 2]), (([], 3), []), (([1, 2, 3], 5), [2, 3, 1])],
    ),
    _problem(
        "largest_gap(items)",
        "The largest difference of neighbours in sorted order; 0 for fewer than two.",
        "x = sorted(items)\nbest = 0\nfor i in range(1, len(x)):\n"
        "    best = max(best, x[i] - x[i - 1])\nreturn best",
        [(([3, 9, 1],), 6), (([5],), 0), (([2, 2],), 0), (([-5, 5, 0],), 5)],
    ),
    _problem(
        "balanced(text)",
        "Whether the brackets of the text match.",
        "stack = []\npairs = {')': '(', ']': '[', '}': '{'}\nfor c in text:\n"
        "    if c in '([{':\n        stack.append(c)\n    elif c in pairs:\n"
        "        if not stack or stack.pop() != pairs[c]:\n            return False\n"
        "return not stack",
        [(("([])",), True), (("([)]",), False), (("((",), False), ((")",), False), (("a{b}",), True)],
    ),
    _problem(
        "fib(n)",
        "The n-th Fibonacci number; fib(0) is 0.",
        "a, b = 0, 1\nfor _ in range(n):\n    a, b = b, a + b\nreturn a",
        [((0,), 0), ((1,), 1), ((10,), 55), ((50,), 12586269025)],
    ),
    _problem(
        "words(text)",
        "How often each word occurs, in lower case.",
        "out = {}\nfor w in text.lower().split():\n    out[w] = out.get(w, 0) + 1\nreturn out",
        [(("A b a",), {"a": 2, "b": 1}), (("",), {}), (("x x x",), {"x": 3})],
    ),
    _problem(
        "to_base(n, base)",
        "The digits of n in a base, most significant first.",
        "if n == 0:\n    return [0]\nout = []\nwhile n > 0:\n    out.append(n % base)\n"
        "    n = n // base\nreturn out[::-1]",
        [((10, 2), [1, 0, 1, 0]), ((0, 7), [0]), ((255, 16), [15, 15]), ((7, 10), [7])],
    ),
    _problem(
        "search(items, x)",
        "The index of x in a sorted list, or -1.",
        "low, high = 0, len(items) - 1\nwhile low <= high:\n    mid = (low + high) // 2\n"
        "    if items[mid] == x:\n        return mid\n    if items[mid] < x:\n"
        "        low = mid + 1\n    else:\n        high = mid - 1\nreturn -1",
        [(([1, 3, 5], 3), 1), (([1, 3, 5], 4), -1), (([], 1), -1), (([2, 4, 6, 8], 8), 3),
         (([2, 4, 6, 8], 2), 0)],
    ),
    _problem(
        "transpose(rows)",
        "Rows become columns.",
        "if not rows:\n    return []\nreturn [[r[i] for r in rows] for i in range(len(rows[0]))]",
        [(([[1, 2], [3, 4]],), [[1, 3], [2, 4]]), (([],), []), (([[1, 2, 3]],), [[1], [2], [3]])],
    ),
    _problem(
        "change(coins, total)",
        "The fewest coins that make the total, or -1.",
        "best = [0] + [total + 1] * total\nfor t in range(1, total + 1):\n    for c in coins:\n"
        "        if c <= t:\n            best[t] = min(best[t], best[t - c] + 1)\n"
        "return best[total] if best[total] <= total else -1",
        [(([1, 2, 5], 11), 3), (([2], 3), -1), (([7], 0), 0), (([1, 3, 4], 6), 2), (([2], 4), 2)],
    ),
    _problem(
        "flatten(items)",
        "All values of nested lists, in order.",
        "out = []\nfor x in items:\n    if isinstance(x, list):\n        out += flatten(x)\n"
        "    else:\n        out.append(x)\nreturn out",
        [(([1, [2, [3, []]]],), [1, 2, 3]), (([],), []), (([[4], 5],), [4, 5])],
    ),
    _problem(
        "collatz(n)",
        "How many steps lead to 1.",
        "steps = 0\nwhile n != 1:\n    n = n // 2 if n % 2 == 0 else 3 * n + 1\n    steps += 1\n"
        "return steps",
        [((1,), 0), ((6,), 8), ((27,), 111), ((2,), 1)],
    ),
    _problem(
        "merge(a, b)",
        "Two sorted lists as one.",
        "out, i, j = [], 0, 0\nwhile i < len(a) and j < len(b):\n    if a[i] <= b[j]:\n"
        "        out.append(a[i])\n        i += 1\n    else:\n        out.append(b[j])\n"
        "        j += 1\nreturn out + a[i:] + b[j:]",
        [(([1, 4], [2, 3]), [1, 2, 3, 4]), (([], [1]), [1]), (([5], []), [5]), (([1], [1]), [1, 1])],
    ),
    _problem(
        "palindrome(text)",
        "Whether the letters read the same backwards, case ignored.",
        "x = [c for c in text.lower() if c.isalpha()]\nreturn x == x[::-1]",
        [(("Never odd or even",), True), (("ab",), False), (("",), True), (("A b, a!",), True)],
    ),
    _problem(
        "mode(items)",
        "The most frequent value, the smallest of several.",
        "best, most = None, 0\nfor x in sorted(set(items)):\n    n = items.count(x)\n"
        "    if n > most:\n        best, most = x, n\nreturn best",
        [(([3, 1, 3],), 3), (([2, 1],), 1), (([],), None), (([5, 5, 4, 4],), 4)],
    ),
    _problem(
        "spiral(n)",
        "The sum of both diagonals of an n x n number spiral, n odd.",
        "total, last = 1, 1\nfor step in range(2, n, 2):\n    for _ in range(4):\n"
        "        last += step\n        total += last\nreturn total",
        [((1,), 1), ((3,), 25), ((5,), 101), ((7,), 261)],
    ),
    _problem(
        "clamp_mean(items, low, high)",
        "The mean of the values between low and high, both included; 0.0 of none.",
        "kept = [x for x in items if low <= x <= high]\n"
        "return sum(kept) / len(kept) if kept else 0.0",
        [(([1, 2, 9], 1, 2), 1.5), (([], 0, 1), 0.0), (([4, 6], 4, 6), 5.0), (([9], 1, 2), 0.0)],
    ),
    _problem(
        "caesar(text, k)",
        "Small letters moved on by k, all else as it is.",
        "out = ''\nfor c in text:\n    if 'a' <= c <= 'z':\n"
        "        out += chr((ord(c) - 97 + k) % 26 + 97)\n    else:\n        out += c\nreturn out",
        [(("abz", 1), "bca"), (("A z", 2), "A b"), (("", 5), ""), (("xyz", 26), "xyz")],
    ),
)  # fmt: skip
