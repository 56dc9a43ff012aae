"""The pure half of Aegis: no I/O, no clock, no chance, no logging, no concurrency."""
