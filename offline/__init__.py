"""Datasets in, scored datasets out."""

if __name__ != "assay.offline":
    raise ImportError(f"this folder is assay.offline, but it was imported as {__name__!r}")
