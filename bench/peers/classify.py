"""Peer: the rule of heartbeat_classify."""


def classify(rate):
    """Returns the type of the anomaly, or None for a normal heart rate."""
    if not 0 < rate <= 300:  # NaN is INVALID too
        return "INVALID"
    if rate < 40:
        return "BRADYCARDIA"
    return "TACHYCARDIA" if rate > 180 else None
