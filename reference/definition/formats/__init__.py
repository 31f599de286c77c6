"""File formats: case files, the VM's binary and text forms, input files (DESIGN: *Case files*; spec 02 sections 8-10).

Every reader refuses malformed input with :class:`reference.definition.errors.InputError`: which file, where in it, what
was expected and what was found.
"""
