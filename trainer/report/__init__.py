"""A run's records as one HTML page."""

if __name__ != "assay.trainer.report":
    raise ImportError(f"this folder is assay.trainer.report, but it was imported as {__name__!r}")
