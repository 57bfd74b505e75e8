"""Sources that check the form of a completion, not what it says.

``format.think_answer``, ``format.regex``, ``format.json``. Not covered: instruction-following
constraints (word counts, keywords, languages).
"""

from .json_schema import format_json
from .regex import format_regex
from .think import think_answer

__all__ = ["format_json", "format_regex", "think_answer"]

if __name__ != "assay.verifiers.format":
    raise ImportError(f"this folder is assay.verifiers.format, but imported as {__name__!r}")
