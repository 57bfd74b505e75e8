"""Judges: language models that score what another model wrote.

Covered here: asking them (``contract``), over HTTP or in this process, within rates and a budget,
recorded and cached. Not covered: what they are asked (rubrics).
"""

if __name__ != "assay.rewards.judges":
    raise ImportError(f"this folder is assay.rewards.judges, but imported as {__name__!r}")
