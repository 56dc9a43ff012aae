"""Logs that released versions wrote, kept for ever, and the program that writes those of today."""
