"""What every page of ours shares: safe texts, one look for light and dark, a content policy."""

if __name__ != "assay.core.pages":
    raise ImportError(f"this folder is assay.core.pages, but it was imported as {__name__!r}")
