"""The reference: a sequential processor in plain Python, the executable definition of the machine."""
