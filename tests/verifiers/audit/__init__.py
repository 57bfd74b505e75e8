"""Audit tables of ``math.symbolic`` beside the package's: thousands of answers by category.

``tables/*.txt`` are in the format of ``assay.core.audit.rows``, as the package's compact table
``verifiers/audits/math.txt`` is; no case lies in both. Answers that are no whole response are
graded inside their own ``\\boxed{}``. A line ``? why`` lists what follows as a known miss.

Not covered here: answers that cannot be written in a line of text; see ``hostile``.
"""
