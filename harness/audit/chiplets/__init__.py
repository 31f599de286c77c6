"""Rules on the rows of the chiplet columns: hasher, bitwise, memory, ACE, kernel ROM and what follows them."""
