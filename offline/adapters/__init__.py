"""The shapes that datasets come in, and how their rows become samples."""

from .find import ADAPTERS, open_reading
from .reading import Reading

__all__ = ["ADAPTERS", "Reading", "open_reading"]
