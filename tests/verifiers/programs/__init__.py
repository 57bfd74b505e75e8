"""Programs for graders of code: hostile ones that must not be paid, honest ones to be judged right.

Written for this repository. ``hostile``, ``honest`` and ``mutants`` hold the sets, ``tasks`` what
they are to solve, ``host`` what must be untouched afterwards. Not covered: mathematics (``audit``).
"""
