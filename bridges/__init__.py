"""Our rewards in the words of other trainers."""

if __name__ != "assay.bridges":
    raise ImportError(f"this folder is assay.bridges, but it was imported as {__name__!r}")
