"""What ``fragdiff bench`` measures: the parallel engine, a fill of the same memory, and the real VM, side by side."""
