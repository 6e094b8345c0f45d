"""What all documents share: they are frozen, and their moments are ISO 8601 in one time zone."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Annotated, overload

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer, WithJsonSchema

from voice_notify.domain.masking import mask_mobile, mask_text

#: A moment with the offset of its zone; as JSON to the millisecond, like `2025-06-01T12:00:00.000+08:00`.
Moment = Annotated[
    AwareDatetime,
    PlainSerializer(lambda at: at.isoformat(timespec="milliseconds"), return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Document(BaseModel):
    """Something that a program reads. `model_dump_json` writes it; `model_json_schema` describes it."""

    model_config = ConfigDict(frozen=True)


@overload
def moment(ms: int, zone: tzinfo) -> datetime: ...
@overload
def moment(ms: int | None, zone: tzinfo) -> datetime | None: ...
def moment(ms: int | None, zone: tzinfo) -> datetime | None:
    """The moment `ms` milliseconds after the epoch, as `zone` has it; None stays None."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, zone)


def shown_mobile(mobile: str, *, reveal: bool) -> str:
    """The number, masked unless `reveal`."""
    return mobile if reveal else mask_mobile(mobile)


def shown_params(params: tuple[str, ...], *, reveal: bool) -> tuple[str, ...]:
    """The variables, with the numbers in them masked unless `reveal`."""
    return params if reveal else tuple(map(mask_text, params))
