"""Inquiry: one question to a judge about texts that others wrote, asked, read and paid for.

What ``judge.reference``, ``judge.pairwise``, ``judge.constitution``, ``judge.safety_spec`` and
``judge.debate`` have in common. Covered here: settings, the question behind the fence, the opinion.
Not covered: rubrics (``assay.rewards.rubrics``) and how a judge is reached (``.judges``).
"""

if __name__ != "assay.rewards.inquiry":
    raise ImportError(f"this folder is assay.rewards.inquiry, but imported as {__name__!r}")
