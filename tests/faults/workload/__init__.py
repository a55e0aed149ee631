"""A random workload on the real components, and an independent check of the result.

`round.py` runs one round; `plan.py` defines what the actors do and how often, drawn from one seed;
`checker.py` checks the result. The order of each actor's actions is drawn, their interleaving is
real.
"""
