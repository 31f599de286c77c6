"""The vocabulary every engine shares: field, hash, instruction set, programs, layout, formats.

Only definitions live here (tables, hash, layout, file formats), never the semantics of an operation: engines that shared
the semantics would share its mistakes.
"""
