"""What a check of an installation came to."""

from __future__ import annotations

from enum import StrEnum
from typing import Self

from pydantic import Field

from voice_notify.documents.document import Document


class Level(StrEnum):
    """How good a finding is."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "FAILED"


class FindingDocument(Document):
    """The outcome of one check."""

    check: str = Field(description="What was checked.")
    level: Level = Field(description="`FAILED` where notifications cannot be delivered or would be lost.")
    text: str = Field(description="What was found, in words.")
    advice: str = Field(description="What to do; empty where all is well.")

    @classmethod
    def ok(cls, check: str, text: str) -> Self:
        """All is well."""
        return cls(check=check, level=Level.OK, text=text, advice="")

    @classmethod
    def warning(cls, check: str, text: str, advice: str) -> Self:
        """It works, but could be better or safer."""
        return cls(check=check, level=Level.WARNING, text=text, advice=advice)

    @classmethod
    def failed(cls, check: str, text: str, advice: str) -> Self:
        """It cannot work, or would lose notifications."""
        return cls(check=check, level=Level.FAILED, text=text, advice=advice)


class DoctorDocument(Document):
    """The outcome of all checks."""

    ok: bool = Field(description="Whether no check has failed; warnings may be among them.")
    checks: tuple[FindingDocument, ...] = Field(description="The outcome of each check.")

    @classmethod
    def of(cls, findings: tuple[FindingDocument, ...]) -> Self:
        """The document of these findings."""
        return cls(ok=all(each.level is not Level.FAILED for each in findings), checks=findings)
