"""Who grades mathematics right, how fast, and what breaks it: Assay beside math-verify and others.

    python benchmarks/math.py                          our own audit tables
    python benchmarks/math.py --corpus FILE...         labelled JSONL: gold, prediction, expected
    python benchmarks/math.py --peers DIR              the peers' own tests, from their checkouts
    python benchmarks/math.py --golds DIR              each gold against itself and the next one
    python benchmarks/math.py --hostile                texts made to hang, crash or run code
    options: [--graders NAME...] [--limit N] [--warm N] [--errors FILE] [--json]

Every grader runs in a process of its own on one core, a case at a time, and is killed at 10 s.
Only this launcher lives here; see ``math_grading``.
"""

import sys

FOLDER = __file__.rpartition("/")[0] or "."


def standard_math():
    """The module that other scripts of this folder mean by ``import math``."""
    from importlib import machinery, util

    elsewhere = [p for p in sys.path if p not in (FOLDER, "")]
    spec = machinery.PathFinder.find_spec("math", elsewhere)
    if spec is None or spec.loader is None:
        raise ImportError("the standard library's math was not found")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "math":
    sys.modules["math"] = standard_math()
elif __name__ == "__main__":
    sys.path[:] = [p for p in sys.path if p not in (FOLDER, "")] + [FOLDER]
    from math_grading.command import main

    sys.exit(main())
