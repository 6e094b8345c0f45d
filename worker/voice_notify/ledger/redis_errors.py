"""What redis-py raises, as the errors of this package."""

from __future__ import annotations

import re

import redis
from redis.exceptions import InvalidResponse, NoPermissionError

from voice_notify.domain.masking import mask_text
from voice_notify.errors import LedgerDamaged, NotAllowed, StoreUnavailable

#: Refusals that end by themselves, or when an operator has put the server right. What a script met, Redis 6.2 tells in
#: the middle of a sentence: `Error running script (call to f_…): @user_script: 299: -OOM command not allowed …`.
_PASSING = re.compile(r"(?:^|: -|^-)(?:OOM|READONLY|MISCONF|NOREPLICAS|BUSY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN)\b")

#: How a script learns that its user lacks a right: in Redis 7.0, and in 7.2 and newer.
_FORBIDDEN = re.compile("user executing the script can't|ACL failure in script")

#: What is wrong with the data, and not with Redis: a key of another type, or what made a script fail.
_DAMAGE = re.compile(r"\bWRONGTYPE\b|^ERR Error (?:running|compiling) script|\buser_script:|@user_script")


class _StoreErrors:
    """A missing right is `NotAllowed`, wrong data `LedgerDamaged`, and whatever else Redis refuses `StoreUnavailable`.

    No list of known errors decides that: what none here has met yet, such as a command that a proxy does not know, is
    no reason to show a caller an error of another package. A script that meets a full Redis has written nothing: the
    server looks before its first write.
    """

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        match error:
            case InvalidResponse():
                raise StoreUnavailable(f"what answers is not Redis: {error}") from error
            case NoPermissionError():
                raise NotAllowed(f"Redis does not let its user do that: {error}") from error
            case redis.ResponseError():
                raise_for_outage(str(error), error)
                if _DAMAGE.search(str(error)):
                    raise LedgerDamaged(mask_text(str(error))) from error
                raise StoreUnavailable(f"Redis cannot be used: {error}") from error
            case redis.RedisError() if not isinstance(error, redis.DataError):  # that is a mistake in a caller
                raise StoreUnavailable(f"Redis cannot be used: {error}") from error


def raise_for_outage(text: str, cause: BaseException | None = None) -> None:
    """Raise what a refusal of Redis means, if it is an outage or a missing right; return if it is neither."""
    if _FORBIDDEN.search(text):
        raise NotAllowed(f"Redis does not let its user do that: {text}") from cause
    if _PASSING.search(text):
        raise StoreUnavailable(f"Redis cannot be used: {text}") from cause


#: `with store_errors:` around whatever asks Redis.
store_errors = _StoreErrors()
