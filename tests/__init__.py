"""A package so that no other distribution's `tests` folder is found in its place.

The folders below mirror `aegisd/` and need no `__init__.py`.
"""
