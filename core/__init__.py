"""Values, errors, hook specifications, registry, recipe and the Scorer; imports nothing of ours."""

if __name__ != "assay.core":
    raise ImportError(f"this folder is assay.core, but it was imported as {__name__!r}")
