"""What a finding looks like on disk: pages, drawings, windows, a standalone fragment, a test."""
