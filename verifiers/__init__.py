"""Sources that check: math, format, text, logic."""

if __name__ != "assay.verifiers":
    raise ImportError(f"this folder is assay.verifiers, but it was imported as {__name__!r}")
