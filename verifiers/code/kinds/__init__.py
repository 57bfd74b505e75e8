"""The kinds of tests, one module each: a task and a program in, cases out.

Each gets a ``Bench`` (the sandbox, the limits, what is left of the budget) and returns ``Graded``.
Expected values and test code never enter the process that runs the program.
"""
