"""The commands of ``m2f``, one a file; each imports what it needs only when called: help must be quick."""
