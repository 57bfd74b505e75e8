"""The benchmark of graders for mathematical answers; started by ``benchmarks/math.py``.

Not covered: graders that ask a model, and graders that are not installed here.
"""
