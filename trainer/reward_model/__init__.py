"""Training reward models: from pairs, rankings or ratings to a scored, calibrated checkpoint."""

if __name__ != "assay.trainer.reward_model":
    raise ImportError(f"this folder is assay.trainer.reward_model, but imported as {__name__!r}")
