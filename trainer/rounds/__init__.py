"""Training in rounds: write completions, keep or pair some, learn from them, again."""

if __name__ != "assay.trainer.rounds":
    raise ImportError(f"this folder is assay.trainer.rounds, but it was imported as {__name__!r}")
