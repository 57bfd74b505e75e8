"""What goes wrong in a run, seen while it runs."""

if __name__ != "assay.trainer.health":
    raise ImportError(f"this folder is assay.trainer.health, but it was imported as {__name__!r}")
