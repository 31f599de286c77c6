"""The parallel engine: a fast executor that records fragment contexts, and a builder of fragments. Not written yet."""
