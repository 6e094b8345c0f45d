"""A provider to develop against, and the independent judge of the client.

It keeps the provider's published interface (PROVIDER.md) and shares no code with the rest of the package: nothing
here imports from outside `voice_notify.sandbox`, so that no mistake of the client is also its judge's.

    command.py    `voice-notify sandbox`               server.py     the socket: `serve`
    endpoint.py   the provider's endpoint over HTTP    console.py    `/sandbox/...`, for the tester
    judge.py      the decision about each request      record.py     what is remembered of it
    checks.py     what makes it well formed            windows.py    the gap and the daily limit
    faults.py     faults and magic numbers             script.py     scripts of faults
    templates.py  the reviewed texts                   replies.py    what is sent back, with codes.py
"""
