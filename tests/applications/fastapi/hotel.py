"""A hotel's wake-up calls, on FastAPI: nothing in it holds up the event loop."""

from __future__ import annotations

import asyncio
import os

from fastapi import FastAPI, HTTPException

from voice_notify import InvalidNotification, StoreUnavailable, UnknownNotification, acancel, astatus, notify

app = FastAPI()


@app.get("/alive")
async def alive() -> dict[str, bool]:
    """Answer at once, whatever the other requests wait for."""
    return {"alive": True}


@app.post("/wake-up/{mobile}")
async def wake_up(mobile: str, minutes: int = 0) -> dict[str, str | int]:
    """Call a guest."""
    try:
        r = await notify.aapply_async((mobile, "453662", ["张三", "3号楼"]), countdown=60 * minutes)
    except InvalidNotification as error:
        raise HTTPException(422, str(error)) from error
    except StoreUnavailable as error:
        raise HTTPException(503, "try again") from error
    return {"id": r.id, "process": os.getpid()}


@app.post("/evacuate/{first}/{guests}")
async def evacuate(first: int, guests: int) -> dict[str, int]:
    """Call all guests, and say how many of them are not to be called."""
    submits = (notify.adelay(str(first + guest), "453662", ["张三", "3号楼"]) for guest in range(guests))
    ends = await asyncio.gather(*submits, return_exceptions=True)
    return {"failed": sum(isinstance(end, StoreUnavailable) for end in ends), "submitted": len(ends)}


@app.get("/calls/{id_}")
async def state(id_: str) -> dict[str, str]:
    """What became of a call."""
    try:
        return {"state": (await astatus(id_)).state}
    except UnknownNotification as error:
        raise HTTPException(404, "no such call") from error


@app.delete("/calls/{id_}")
async def cancel(id_: str) -> dict[str, str]:
    """Do not call after all."""
    return {"was": await acancel(id_)}
