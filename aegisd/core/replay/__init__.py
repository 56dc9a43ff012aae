"""The log decided again: every decision derived from recorded facts and compared, byte for byte.

Pass 1 (`session`) takes one session and trusts the facts recorded in each decision. Pass 2
(`tenant`) takes a tenant in position order and derives those facts. Both must hold.
Nothing is executed again: replay reads the log and asks the evaluator. Values that are kept beside
events are asked for; a decision about one that is gone cannot be made again, and is told apart.

Other rules than today's may have made a decision. Then what changed of its input and its facts is
counted, and it is judged all the same: whether the outcome would be another is always compared.
"""
