#!/usr/bin/env python3
import mco


def accounts():
    with open("/etc/passwd", encoding="utf-8", errors="surrogateescape") as f:
        for line in f:
            fields = line.rstrip("\n").split(":")
            if len(fields) == 7:
                name, _, uid, gid, _, home, shell = fields
                yield name, {"uid": int(uid), "gid": int(gid), "home": home, "shell": shell}


def show(req):
    for name, account in accounts():
        if name == req.data["user"]:
            return account
    raise mco.Failure("no account " + req.data["user"])


def list_(req):
    names = [n for n, a in accounts() if req.data["min_uid"] <= a["uid"] <= req.data["max_uid"]]
    return {"count": len(names), "accounts": names}


mco.serve({"show": show, "list": list_})
