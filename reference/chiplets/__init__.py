"""The chiplets: tables that answer what rows of the decoder and the stack cannot show by themselves (spec 05).

Each class here takes requests in execution order and yields its table of rows. A table holds the payload columns only;
selectors, stacking and padding are the business of :mod:`reference.trace`.
"""
