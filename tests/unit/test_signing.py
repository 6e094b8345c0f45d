"""The provider's signature."""

from __future__ import annotations

from voice_notify.provider.signing import sign


def test_the_documented_example_has_the_documented_digest() -> None:
    """The example of PROVIDER.md gives the documented digest."""
    digest = sign("xyzxy2121zxyz", "efcefcef1121cefcefc1212121", 1555378976238)
    assert digest == "6ddcdc405743c576cb6d34b17b47ed56e2b9b6670fae1fe85ed01244fd31558b"
