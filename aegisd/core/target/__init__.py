"""What a tool call reaches for: args -> hosts, paths, commands, once; Rego compares, never parses.

The principle of this room: a text that two readers could take for two different targets is a
`Problem`, and a problem denies. A target is therefore never guessed, only read or refused.
"""
