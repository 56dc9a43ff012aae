"""Checking a log: verify, derive, prove, compare. A library, with no terminal in it.

`log` opens what there is to check, a database, an export or somebody's own `Log`. `verification`
tells whether it holds, `derivation` whether its decisions come out again, `continuation` whether a
signed checkpoint continues an older one. `export_writing` and `backup` make files of a log that
holds. Results are structs, refusals are of `aegisd.core.errors`, progress is a callback.
"""
