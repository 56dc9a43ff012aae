"""Whole processes under test: the daemon and the command line as people run them."""
