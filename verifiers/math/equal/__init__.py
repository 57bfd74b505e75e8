"""Whether two trees are the same answer; the type of the ground truth drives the comparison."""

from .same import Finding, same

__all__ = ["Finding", "same"]
