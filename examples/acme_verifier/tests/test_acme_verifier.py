"""The rules that any source keeps, and this package's own table of answers and attacks."""

import pytest

from assay import ConformanceCase, conformance_cases, run_audit

NAME = "acme.palindrome"
PLUGINS = ["acme_verifier"]


@pytest.mark.parametrize("case", conformance_cases(NAME, plugins=PLUGINS), ids=str)
def test_conformance(case: ConformanceCase) -> None:
    case.check()


def test_audit() -> None:
    report = run_audit(NAME, plugins=PLUGINS)
    assert [finding.case.id for finding in report.errors if finding.is_new] == []
    assert [finding.case.id for finding in report.mended] == []
