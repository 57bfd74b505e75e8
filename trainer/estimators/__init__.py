"""Advantages, returns, KL estimates and losses: pure functions on tensors, each with its source."""

if __name__ != "assay.trainer.estimators":
    raise ImportError(
        f"this folder is assay.trainer.estimators, but it was imported as {__name__!r}"
    )
