"""A verifier that Assay finds by its entry point once this package is installed."""

from assay import Sample, source


@source("acme.palindrome", version="1", scale="binary")
def palindrome(sample: Sample) -> bool:
    """1 if the answer reads the same backwards, letters and digits only, else 0."""
    letters = [c for c in sample.text.casefold() if c.isalnum()]
    return bool(letters) and letters == letters[::-1]
