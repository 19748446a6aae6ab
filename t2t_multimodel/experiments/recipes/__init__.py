"""The experiments that ship with the package: one file, one family."""
