"""From the text of an answer to a typed tree: LaTeX and plain notation in one grammar."""

from .answer import read_answer
from .nodes import Node, Unreadable

__all__ = ["Node", "Unreadable", "read_answer"]
