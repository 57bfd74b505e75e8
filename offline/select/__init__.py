"""Scored rows in, training data out."""
