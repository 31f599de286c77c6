"""Requests to chiplets in the order of execution: what a bus, which compares multisets, cannot see (12 section 8.2)."""
