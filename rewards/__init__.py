"""How verdicts become one number: compose and shape."""

if __name__ != "assay.rewards":
    raise ImportError(f"this folder is assay.rewards, but it was imported as {__name__!r}")
