"""Rules on row pairs of the system, decoder and stack columns (spec 12, sections 4 and 8.1)."""
