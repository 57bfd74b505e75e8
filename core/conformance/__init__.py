"""The rules that any source keeps, as cases that run from the command line and in pytest.

    @pytest.mark.parametrize("case", conformance_cases("acme.palindrome"), ids=str)
    def test_conformance(case): case.check()

Not covered: whether its verdicts are right; that is for audits (``core.audit``).
"""

from .cases import ConformanceCase, Outcome, conformance_cases
from .probes import HOSTILE_TEXTS, WRONG_TRUTHS
from .rules import RULES, Rule

__all__ = [
    "HOSTILE_TEXTS",
    "RULES",
    "WRONG_TRUTHS",
    "ConformanceCase",
    "Outcome",
    "Rule",
    "conformance_cases",
]

if __name__ != "assay.core.conformance":
    raise ImportError(f"this folder is assay.core.conformance, but imported as {__name__!r}")
