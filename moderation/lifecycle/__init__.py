"""The state transitions, each as one function, which also records the event if there is one.

No other module changes the state of a removal, a batch or an audit entry. Only an entry's first
state is set elsewhere, when `moderation.recording.entries` creates it.
"""
