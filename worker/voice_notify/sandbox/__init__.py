"""A provider to develop against, and the independent judge of the client.

It keeps to the provider's published interface (PROVIDER.md) and shares no code with the rest of the package: nothing
here imports from outside `voice_notify.sandbox`, so that the judge cannot make the client's mistakes.

    command.py        `voice-notify sandbox`
    server.py         the ASGI application, and the socket
    send_endpoint.py  the provider's endpoint: a request from the wire to the reply
    control_api.py    `/sandbox/...`: what a tester can see and change
    config.py         the account, its limits and the faults to start with

    judge.py          the decision about each request
    checks.py         what a request says, and whether it is well formed
    windows.py        the gap and the daily limit
    attempt.py        a request that arrived, and what became of it
    request_log.py    all of these, and the violations
    replies.py        what is sent back
    codes.py          the provider's codes and messages

    faults.py         the faults, and the magic numbers that bring them about
    fault_script.py   scripts of faults
    templates.py      the reviewed templates
"""
