"""Commitments to a main trace, checked against a proof of it: a second witness, at small sizes (spec 11)."""
