"""What workers remember of messages in the broker: those that they could not process, and those that end processes."""

from __future__ import annotations

from datetime import timedelta

from voice_notify.ledger import keys
from voice_notify.ledger.redis_errors import store_errors
from voice_notify.ledger.scripts import Scripts

#: How many messages are kept, and for how long after the newest: they can hold a number and a text.
KEPT_MESSAGES = 100
KEPT_FOR = timedelta(days=7)

#: How long the deliveries of a message are counted after the newest. Redis delivers again after a minute or two.
_COUNTED_FOR = timedelta(hours=1)


class BrokerMessages:
    """The messages of one account's queue."""

    def __init__(self, scripts: Scripts) -> None:
        self._client = scripts.client
        self._prefix = scripts.prefix

    def set_aside(self, entry: str) -> None:
        """Keep `entry`, as the newest of at most `KEPT_MESSAGES`. Raises `StoreUnavailable` or `NotAllowed`."""
        key = self._prefix + keys.SET_ASIDE
        with store_errors, self._client.pipeline() as pipe:
            pipe.lpush(key, entry)
            pipe.ltrim(key, 0, KEPT_MESSAGES - 1)
            pipe.expire(key, KEPT_FOR)
            pipe.execute()

    def count_redelivery(self, fingerprint: str) -> int:
        """Returns how often this message has been delivered again, with this time."""
        key = self._prefix + keys.REDELIVERIES + fingerprint
        with store_errors, self._client.pipeline() as pipe:
            pipe.incr(key)
            pipe.expire(key, _COUNTED_FOR)
            count: int = pipe.execute()[0]
        return count

    def forget_redeliveries(self, fingerprint: str) -> None:
        """Count anew, if the message comes again."""
        with store_errors:
            self._client.delete(self._prefix + keys.REDELIVERIES + fingerprint)
