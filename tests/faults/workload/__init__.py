"""A random workload on the real parts, and an independent judgement of what it left behind.

`round.py` runs one round; `plan.py` says what the actors do and how often, all of it drawn from one
seed; `checker.py` judges. The order of the actions is drawn, their interleaving is real.
"""
