"""``assay train --dry-run``: what can be known of a run before it is paid for."""

if __name__ != "assay.trainer.dry_run":
    raise ImportError(f"this folder is assay.trainer.dry_run, but it was imported as {__name__!r}")
