"""Every change of a state, each a function of its own, together with the event that records it.

No other module writes the state of a removal, of a batch or of an audit entry (an entry is created
in its first state by `moderation.recording.entries`).
"""
