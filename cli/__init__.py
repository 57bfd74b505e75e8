"""Words on a command line."""

if __name__ != "assay.cli":
    raise ImportError(f"this folder is assay.cli, but it was imported as {__name__!r}")
