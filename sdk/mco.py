"""Helper for agents in Python: put it beside the agent.  Python 3.5 or later.

    import mco

    def hello(req):
        if "name" not in req.data:
            raise mco.Failure("no name", mco.MISSING_DATA)
        mco.log("greeting", "debug")
        return {"message": "hello " + req.data["name"]}

    mco.serve({"hello": hello})

It serves one call, or with "mode: worker" in the descriptor one after the other.
What the agent prints goes to the log, and cannot spoil the answer.
"""
import json
import os
import sys

OK, FAILED, UNKNOWN_ACTION, MISSING_DATA, INVALID_DATA, OTHER = range(6)


class Failure(Exception):
    """Ends an action with a status, by default 1."""

    def __init__(self, message, status=FAILED, data=None):
        super().__init__(message)
        self.status = status
        self.data = data or {}


class Request:
    """A call: action, data (the inputs), caller, sender, id, noop, deadline, collective."""

    def __init__(self, fields):
        self.fields = fields
        self.data = fields.get("data") or {}
        for name in ("agent", "action", "caller", "sender", "id", "noop", "deadline", "collective"):
            setattr(self, name, fields.get(name))


def log(text, level="info"):
    """Writes a line to the log of the node: error, warn, info or debug."""
    for line in str(text).splitlines():
        sys.stderr.write(level[:1].upper() + "! " + line + "\n")
    sys.stderr.flush()


def _call(handlers, fields):
    req = Request(fields)
    handler = handlers.get(req.action)
    if handler is None:
        return UNKNOWN_ACTION, "unknown action " + str(req.action), {}
    try:
        return OK, "OK", handler(req) or {}
    except Failure as f:
        return f.status, str(f), f.data
    except Exception as e:  # the caller is to hear of every failure
        log("%s: %s" % (type(e).__name__, e), "error")
        return OTHER, "%s: %s" % (type(e).__name__, e), {}


def serve(handlers):
    """Answers calls with the functions of handlers, a dict by the name of the action."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr

    def say(message):
        out.write(json.dumps(message) + "\n")
        out.flush()

    stdin = os.fdopen(0, "r", encoding="utf-8", closefd=False)
    if "MCO_ACTION" in os.environ:
        status, text, data = _call(handlers, json.load(stdin))
        say(dict(data, mco={"statuscode": status, "statusmsg": text}))
        sys.exit(min(status, OTHER))
    say({"type": "hello", "protocol": 1, "agent": os.environ.get("MCO_AGENT", "")})
    for line in iter(stdin.readline, ""):
        message = json.loads(line)
        if message.get("type") == "ping":
            say({"type": "pong"})
        elif message.get("type") == "request":
            status, text, data = _call(handlers, message)
            say({"type": "reply", "id": message["id"], "statuscode": status, "statusmsg": text, "data": data})
