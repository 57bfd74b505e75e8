"""Programs nobody trusts, run where they can do no harm. See ``contract`` for what is promised."""

from __future__ import annotations

if __name__ != "assay.sandbox":
    raise ImportError(f"this folder is assay.sandbox, but it was imported as {__name__!r}")
