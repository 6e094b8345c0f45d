"""`/sandbox/...`: the HTTP API with which a tester sees what the sandbox saw, and controls what it does."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, cast

from pydantic import Field, SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from voice_notify.sandbox import codes
from voice_notify.sandbox.fault_script import Document, FaultScript, explain_mistakes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from starlette.requests import Request

    from voice_notify.sandbox.attempt import Attempt
    from voice_notify.sandbox.request_log import Violation
    from voice_notify.sandbox.send_endpoint import SendEndpoint

_ENTRIES_PER_CHUNK = 500


class Balance(Document):
    """What is left on the account, in billing units."""

    units: int = Field(ge=0)


class Account(Document):
    """The code with which every request is answered, such as 602; None lets the account work again."""

    answer: int | None = Field(gt=codes.PLACED, le=999)


class Secret(Document):
    """The account's new secret, and whether the one before it stays valid, as with a provider that allows both."""

    secret: SecretStr = Field(min_length=1)
    keep_old: bool = False


class ControlApi:
    """The tester's routes, over one endpoint."""

    def __init__(self, endpoint: SendEndpoint) -> None:
        self._endpoint = endpoint

    def app(self) -> Starlette:
        """Return the ASGI application: the routes, and for every other path the provider's 404."""
        return Starlette(
            routes=[
                Route("/sandbox/calls", self.calls),
                Route("/sandbox/violations", self.violations),
                Route("/sandbox/summary", self.summary),
                Route("/sandbox/balance", self.balance),
                Route("/sandbox/balance", self.set_balance, methods=["POST"]),
                Route("/sandbox/account", self.set_account, methods=["POST"]),
                Route("/sandbox/secret", self.change_secret, methods=["POST"]),
                Route("/sandbox/faults", self.set_faults, methods=["POST"]),
                Route("/sandbox/faults", self.clear_faults, methods=["DELETE"]),
                Route("/sandbox/reset", self.reset, methods=["POST"]),
            ],
            exception_handlers={404: _wrong_address, ValidationError: _bad_document},
        )

    async def calls(self, request: Request) -> Response:
        """List the requests that arrived, in order; with `?mobile=`, those for one number."""
        log = self._endpoint.judge.request_log
        mobile = request.query_params.get("mobile")
        return _stream(log.attempts if mobile is None else log.attempts_for(mobile))

    async def violations(self, _: Request) -> Response:
        """List the requests that broke a window."""
        return _stream(self._endpoint.judge.request_log.violations)

    async def summary(self, _: Request) -> Response:
        """Show how many there were of everything."""
        traffic = {"max_concurrent": self._endpoint.most_open, "never_arrived": self._endpoint.never_arrived}
        return JSONResponse(self._endpoint.judge.request_log.summary() | traffic)

    async def balance(self, _: Request) -> Response:
        """Show the billing units that are left."""
        return JSONResponse({"units": self._endpoint.judge.balance})

    async def set_balance(self, request: Request) -> Response:
        """Set the billing units that are left."""
        self._endpoint.judge.balance = Balance.model_validate_json(await request.body()).units
        return await self.balance(request)

    async def set_account(self, request: Request) -> Response:
        """Answer every request with one code, or let the account work again."""
        account = Account.model_validate_json(await request.body())
        self._endpoint.judge.account_answer = account.answer
        return JSONResponse(account.model_dump())

    async def change_secret(self, request: Request) -> Response:
        """Change the account's secret; without `keep_old`, the one before is refused from then on."""
        change = Secret.model_validate_json(await request.body())
        self._endpoint.judge.change_secret(change.secret.get_secret_value(), keep_old=change.keep_old)
        return Response(status_code=204)

    async def set_faults(self, request: Request) -> Response:
        """Replace the script of faults."""
        script = FaultScript.model_validate_json(await request.body())
        self._endpoint.judge.set_fault_script(script)
        return JSONResponse(script.model_dump())

    async def clear_faults(self, _: Request) -> Response:
        """Remove the script of faults; the magic numbers stay."""
        self._endpoint.judge.set_fault_script(FaultScript())
        return Response(status_code=204)

    async def reset(self, _: Request) -> Response:
        """Forget everything and start again as configured."""
        self._endpoint.reset()
        return Response(status_code=204)


def _stream(items: Sequence[Attempt] | Sequence[Violation]) -> Response:
    # In chunks: a hundred thousand entries at once would keep requests waiting, and falsify their times of arrival.
    return StreamingResponse(_json_array(list(items)), media_type="application/json")


async def _json_array(items: Sequence[Attempt | Violation]) -> AsyncIterator[str]:
    separator = "["
    for start in range(0, len(items), _ENTRIES_PER_CHUNK):
        chunk = [item.to_json() for item in items[start : start + _ENTRIES_PER_CHUNK]]
        yield separator + json.dumps(chunk, ensure_ascii=False)[1:-1]
        separator = ","
        await asyncio.sleep(0)
    yield "]" if items else "[]"


async def _wrong_address(_: Request, __: Exception) -> Response:
    return JSONResponse({"msg": codes.message_of(codes.WRONG_ADDRESS), "code": codes.WRONG_ADDRESS}, 404)


async def _bad_document(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": explain_mistakes(cast("ValidationError", error))}, 400)
