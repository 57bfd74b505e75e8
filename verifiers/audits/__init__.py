"""Audit tables of the verifiers: right answers, wrong answers and attacks, all our own wording.

One module for each family; ``math.txt`` and the YAML files hold the larger sets. They are a compact
part of what the repository's tests hold. Not covered: judges (``assay.rewards.rubrics``).
"""

from .code import code_programs, io_properties, quality_faults
from .consensus import majorities
from .forms import json_values, regular_texts, think_answers
from .lean import lean_proofs, lean_statements
from .logic import knights_and_knaves
from .maths import choices, equations, exact_answers, math_verify_answers, near_numbers, symbolic
from .proofs import coq_proofs
from .texts import exact_texts

__all__ = [
    "choices",
    "code_programs",
    "coq_proofs",
    "equations",
    "exact_answers",
    "exact_texts",
    "io_properties",
    "json_values",
    "knights_and_knaves",
    "lean_proofs",
    "lean_statements",
    "majorities",
    "math_verify_answers",
    "near_numbers",
    "quality_faults",
    "regular_texts",
    "symbolic",
    "think_answers",
]

if __name__ != "assay.verifiers.audits":
    raise ImportError(f"this folder is assay.verifiers.audits, but imported as {__name__!r}")
