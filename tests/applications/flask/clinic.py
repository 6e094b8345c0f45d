"""A clinic's reminders, on Flask: gunicorn loads it once and forks its workers, with threads, from that."""

from __future__ import annotations

import os

from flask import Flask
from flask.typing import ResponseReturnValue

from voice_notify import InvalidNotification, StoreUnavailable, UnknownNotification, notify, status

PARAMS = ["张三", "3号楼"]
app = Flask(__name__)

#: Told before the workers are forked: the connection that this uses is not theirs.
opening = notify.delay(os.environ["CLINIC_DOCTOR"], "453662", PARAMS)


@app.post("/remind/<mobile>")
def remind(mobile: str) -> ResponseReturnValue:
    """Call a patient."""
    try:
        r = notify.delay(mobile, "453662", PARAMS)
    except InvalidNotification as error:
        return {"error": str(error)}, 422
    except StoreUnavailable:
        return {"error": "try again"}, 503
    return {"id": r.id, "process": os.getpid()}


@app.get("/calls/<id_>")
def state(id_: str) -> ResponseReturnValue:
    """What became of a call."""
    try:
        return {"state": status(id_).state}
    except UnknownNotification:
        return {"error": "no such call"}, 404


@app.get("/opening")
def told() -> ResponseReturnValue:
    """What became of that which was submitted before the fork."""
    return {"id": opening.id, "state": opening.state}
