"""What this package offers to Assay: the source ``acme.palindrome`` and its audit table."""

from .audits import palindrome_cases
from .sources import palindrome

__all__ = ["palindrome", "palindrome_cases"]
