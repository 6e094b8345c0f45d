"""What the local servers answer (PROVIDER.md, Reply)."""

from __future__ import annotations

ACCEPTED = '{"code":200,"msg":"成功","taskNo":"1","data":{"callId":"1"}}'.encode()
