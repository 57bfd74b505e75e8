"""Learned rewards: models whose score of an answer was learned from preferences or outcomes.

Covered here: scoring with Bradley-Terry models (``bradley_terry``), with two language models
(``implicit``), and with models behind a server (``remote``); what a raw score needs before it can
stand beside others (``card``: normaliser, calibrator, length). Not covered: training them
(``assay.trainer``). torch and transformers are imported where a model is loaded.
"""

if __name__ != "assay.rewards.models":
    raise ImportError(f"this folder is assay.rewards.models, but imported as {__name__!r}")
