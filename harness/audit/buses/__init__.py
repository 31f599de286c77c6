"""Buses and tables: rows send messages, and every message that is added must be removed (12 section 7)."""
