"""The sub-commands of ``fragdiff``, one module each: options in, calls of the library, words out."""
