"""Sources that check mathematics, and arithmetic problems with known answers."""

if __name__ != "assay.verifiers.math":
    raise ImportError(f"this folder is assay.verifiers.math, but it was imported as {__name__!r}")
