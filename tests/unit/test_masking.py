"""Numbers as people may see them."""

from __future__ import annotations

import pytest

from voice_notify.domain.masking import mask_mobile, mask_text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("13800138000", "138****8000"),
        ("号码13800138000,19912345678无效", "号码138****8000,199****5678无效"),
        ("+8613800138000", "+86138****8000"),
        ("008613800138000", "0086138****8000"),
        ("013800138000", "0138****8000"),
        ("139-1234-5678", "139****5678"),
        ("+86 139 1234 5678。", "+86 139****5678。"),
        ("１３９１２３４５６７８", "１３９****５６７８"),
        ("139-1234-56789", "139-1234-56789"),
        ("2025-06-01 12:00:00 1234 5678", "2025-06-01 12:00:00 1234 5678"),
        ("69564903663951243279", "69564903663951243279"),  # a task number
        ("1555378976238", "1555378976238"),  # a timestamp
        ("12800138000", "12800138000"),  # no mobile number begins so
        ("1380013800", "1380013800"),
    ],
)
def test_numbers_in_text_are_masked(text: str, masked: str) -> None:
    """A mobile number in a text loses its middle, with or without a prefix; other digits stay."""
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    ("mobile", "masked"), [("13800138000", "138****8000"), ("1380013800", "****"), ("", "****"), ("x" * 11, "****")]
)
def test_a_number_is_masked(mobile: str, masked: str) -> None:
    """A number shows three and four digits; what is no number shows nothing."""
    assert mask_mobile(mobile) == masked
