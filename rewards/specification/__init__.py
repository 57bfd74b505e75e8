"""Safety specifications: what is allowed and what is not, as text, and a judge who reads it.

Covered here: the texts as data with a library, ``judge.safety_spec``. Not covered: making a model
reason about them (training data by context distillation), and which category a request is of.
"""

if __name__ != "assay.rewards.specification":
    raise ImportError(f"this folder is assay.rewards.specification, but imported as {__name__!r}")
