"""Peer: the rule of heartbeat_classify."""


def classify(rate):
    """The kind of anomaly that a heart rate is, or None."""
    if rate <= 0 or rate > 300:
        return "INVALID"
    if rate < 40:
        return "BRADYCARDIA"
    return "TACHYCARDIA" if rate > 180 else None
