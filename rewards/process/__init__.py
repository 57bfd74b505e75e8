"""Process rewards: what each step of an answer is worth, and what becomes of the steps.

Covered: scoring the steps of a text with a trained model (``token``), adding them up, labels by
roll-outs, shaping, and the audit of right answers with wrong ways. Not covered: cutting a text into
steps (``core.splitters``), pairs of steps (``core.step_pairs``), training a token classifier
(transformers' Trainer takes ``rows``' labels).
"""

if __name__ != "assay.rewards.process":
    raise ImportError(f"this folder is assay.rewards.process, but imported as {__name__!r}")
