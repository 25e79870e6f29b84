"""Planted bugs: patches to the tap, each of which the tests must notice. `python -m mutants`."""
