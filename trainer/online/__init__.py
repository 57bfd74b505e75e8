"""Trainers that learn from completions they have just written, on TRL's plumbing."""

if __name__ != "assay.trainer.online":
    raise ImportError(f"this folder is assay.trainer.online, but it was imported as {__name__!r}")
