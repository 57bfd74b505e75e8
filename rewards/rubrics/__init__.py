"""Rubrics: what good means in a category, as data, and a source that has judges apply it.

Covered here: the schema and a library of rubrics, prompts that cannot execute, the fence around
judged text, and ``judge.rubric``. Not covered: reaching a judge (``assay.rewards.judges``) and the
formulas (``assay.rewards.grape``).
"""

if __name__ != "assay.rewards.rubrics":
    raise ImportError(f"this folder is assay.rewards.rubrics, but imported as {__name__!r}")
