"""A constitution: principles as data, and what a judge makes of them.

Covered here: the library, ``judge.constitution``, preference labels (RLAIF), critique and revision.
Not covered: training on them (``assay.trainer``).
"""

if __name__ != "assay.rewards.constitution":
    raise ImportError(f"this folder is assay.rewards.constitution, but imported as {__name__!r}")
