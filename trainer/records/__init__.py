"""What a run writes while it goes: metrics, rollouts, the display."""

if __name__ != "assay.trainer.records":
    raise ImportError(f"this folder is assay.trainer.records, but it was imported as {__name__!r}")
