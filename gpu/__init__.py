"""The GPU engine: raw state on the device, columns regenerated on demand. Not written yet."""
