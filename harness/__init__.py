"""The harness: one interface over all engines, generated cases and cuts, exact comparison at every boundary."""
