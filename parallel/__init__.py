"""The parallel engine: a fast executor that records fragment contexts, and a builder that rebuilds all fragments at once.

:func:`parallel.executor.record` runs a case, :class:`parallel.assemble.Builder` makes the trace of a recording.
"""
