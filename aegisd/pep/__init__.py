"""What whoever enforces a decision keeps: exact arguments, conditions, and what may come out.

For every point of enforcement alike, whether it stands around a function, before a server of tools
or between an agent and its framework. What it keeps is told by values and by two exceptions; how a
no is shown to whom is each one's own.
"""
