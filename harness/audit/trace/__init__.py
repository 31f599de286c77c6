"""Rules on the whole trace: its ends, its length, its random row, the program and the host's replies (spec 12, 6 and 8.2)."""
