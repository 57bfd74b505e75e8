"""Judges that share one inquiry: reference, pairwise, constitution, specification, debate."""
