"""A scored file as one HTML page: what is in it, what is wrong with it, and every row of it."""

if __name__ != "assay.offline.report":
    raise ImportError(f"this folder is assay.offline.report, but it was imported as {__name__!r}")
