"""Auditing a source with its own tables: how many wrong answers pass, and how many right ones fail.

``run_audit`` judges every case where it would be judged in use, in killable workers, and
``AuditReport`` counts. ``read_rows`` reads tables kept as plain text. Not covered: the tables
(``core.audit_table``, and the plugins), and the rules for any source (``core.conformance``).
"""

from .measure import run_audit
from .report import AuditReport, Finding, Rate
from .rows import Row, read_rows

__all__ = ["AuditReport", "Finding", "Rate", "Row", "read_rows", "run_audit"]

if __name__ != "assay.core.audit":
    raise ImportError(f"this folder is assay.core.audit, but it was imported as {__name__!r}")
