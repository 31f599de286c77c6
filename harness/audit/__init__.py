"""The audit: an independent judge of a trace, by constraints, lookups and whole-trace rules (spec 12); it knows no engine."""
