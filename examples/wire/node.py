#!/usr/bin/env python3
"""A node in one file, as docs/wire.md has it: NATS, psk, JSON. It needs nothing but Python 3.8.

    MCOLLECTIVE_PSK=... node.py BROKER:PORT IDENTITY
"""
import hashlib, hmac, json, os, re, signal, socket, sys, time

PSK = os.environ["MCOLLECTIVE_PSK"].encode()
(HOST, PORT), IDENTITY, COLLECTIVE = sys.argv[1].rsplit(":", 1), sys.argv[2], "mcollective"
FACTS, CLASSES, AGENTS = {"language": "python"}, ["example"], ["discovery", "rpcutil", "echo"]
ECHO = json.dumps({"agent": "echo", "description": "Says what it is told", "version": "1.0", "actions": {"say": {
    "description": "Say a text", "display": "always", "output": {"said": {}},
    "input": {"text": {"description": "What to say", "required": True, "max_length": 100}}}}})
HASH = hashlib.sha256(ECHO.encode()).hexdigest()
STATS = {"agents": AGENTS, "pid": os.getpid(), "starttime": int(time.time()), "version": "1.0"}
ABOUT = {"agents": AGENTS, "classes": CLASSES, "facts": FACTS, "version": "1.0", "data_plugins": [],
         "main_collective": COLLECTIVE, "collectives": [COLLECTIVE]}

def check(good, why):
    if not good: raise ValueError(why)

def strict(pairs):  # refuses an object that has one name twice
    return check(len(dict(pairs)) == len(pairs), "a name comes twice") or dict(pairs)

def proof(body):
    return hashlib.md5(body.encode() + PSK).hexdigest()

def open_request(data, subject):  # in the order of the page: the body is read last
    check(len(data) <= 1310720, "it is too large")
    r = json.loads(data, object_pairs_hook=strict)
    missing = [k for k in ("agent", "filter", "callerid", "requestid", "body", "hash") if r.get(k) is None]
    check(not missing and r.get("senderagent") is None, f"it lacks {missing}, or is a reply")
    check(re.fullmatch(r"[A-Za-z0-9_]+=[A-Za-z0-9_.-]+", r["callerid"]), "the caller id is not valid")
    check(re.fullmatch(r"[!-~]{1,128}", r["requestid"]), "the request id is not valid")
    check(hmac.compare_digest(proof(r["body"]), r["hash"]), "its hash does not match")
    check(r.get("collective") == COLLECTIVE, "it is for another collective")
    check(subject in (f"{COLLECTIVE}.node.{IDENTITY}", f"{COLLECTIVE}.broadcast.agent.{r['agent']}"), "another agent's")
    ttl, age = r.get("ttl", 60), int(time.time()) - r.get("msgtime", 0)
    check(ttl > 0 and -3600 <= age <= min(ttl, 600), "it has expired, or the clocks differ")
    return r, json.loads(r["body"], object_pairs_hook=strict)

def matches(f):  # a filter that this example cannot evaluate matches nothing
    keys = set(f) - {"collective"} == {"fact", "cf_class", "agent", "identity", "compound"}
    names = all(isinstance(n, str) and n[:1] != "/" for n in f["cf_class"] + f["agent"] + f["identity"])
    return (keys and names and not f["compound"] and set(f["cf_class"]) <= set(CLASSES)
            and set(f["agent"]) <= set(AGENTS + ["mcollective"]) and (not f["identity"] or IDENTITY in f["identity"])
            and all(p["operator"] == "==" and FACTS.get(p["fact"]) == p["value"] for p in f["fact"]))

def call(agent, action, data):  # returns status, text and outputs
    if (agent, action) == ("echo", "say"):
        text = data.get("text")
        good = isinstance(text, str) and 0 < len(text) <= 100
        return (0, "OK", {"said": text}) if good else (4, "text must be 1 to 100 characters", {})
    if agent == "rpcutil" and action == "get_ddl" and data.get("agent") == "echo":
        return 0, "OK", {"agent": "echo", "hash": HASH, "ddl": "" if data.get("hash") == HASH else ECHO}
    outputs = {"ping": {"pong": int(time.time())}, "inventory": ABOUT, "daemon_stats": STATS,
               "get_fact": {"fact": data.get("fact"), "value": FACTS.get(str(data.get("fact")))}}.get(action)
    return (0, "OK", outputs) if agent == "rpcutil" and outputs else (4, f"there is no action {action} of {agent}", {})

def answer(r, body, headers):  # returns the body of the reply; None is silence
    if r["agent"] == "discovery":
        yes = "pong " + HASH[:32] if headers.get("mco-definition") == "echo" else "pong"
        return yes if matches(r["filter"]) else "no" if headers.get("mco-answer") == "all" else None
    if not matches(r["filter"]):
        return None
    check(r["agent"] in AGENTS and body["agent"] == r["agent"], "it is not for an agent that is here")
    code, text, outputs = call(body["agent"], body["action"], body["data"])
    wanted = body["data"].get("process_results", True) not in (None, False)
    return {"statuscode": code, "statusmsg": text, "data": outputs} if wanted else None

signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
broker = socket.create_connection((HOST, int(PORT)))
lines = broker.makefile("rb")
check(lines.readline(1 << 16).startswith(b"INFO "), "the broker does not speak NATS")
hello = ["CONNECT " + json.dumps({"verbose": False, "headers": True, "name": IDENTITY})]
hello += [f"SUB {COLLECTIVE}.broadcast.agent.{agent} {agent}" for agent in AGENTS]
hello += [f"SUB {COLLECTIVE}.node.{IDENTITY} direct", "PING", ""]
broker.sendall("\r\n".join(hello).encode())
while True:
    op, *words = lines.readline(1 << 16).decode().split() or sys.exit("the broker closed the connection")
    if op == "PING":
        broker.sendall(b"PONG\r\n")
    elif op == "PONG":  # the broker has read the lines before the PING
        print("ready", flush=True)
    elif op == "-ERR":
        sys.exit(f"the broker refuses: {words}")
    elif op in ("MSG", "HMSG"):  # SUBJECT SID [REPLY-TO] [SIZE OF THE HEADERS] SIZE
        size, head = int(words[-1]), int(words[-2]) if op == "HMSG" else 0
        payload, reply_to = lines.read(size + 2)[:size], words[2] if len(words) == (5 if head else 4) else ""
        headers = dict(re.findall(r"^([^:\r\n]+): *(.*?)\r$", payload[:head].decode("ascii", "replace"), re.M))
        try:
            r, body = open_request(payload[head:], words[0])
            reply = answer(r, body, headers)
            if reply is not None and re.fullmatch(rf"({COLLECTIVE}\.reply|_INBOX)(\.[^\s.*>]+)+", reply_to):
                text = json.dumps(reply)
                data = json.dumps({"senderid": IDENTITY, "requestid": r["requestid"], "senderagent": r["agent"],
                                   "msgtime": int(time.time()), "body": text, "hash": proof(text)}).encode()
                broker.sendall(f"PUB {reply_to} {len(data)}\r\n".encode() + data + b"\r\n")
        except Exception as why:
            print(f"request refused: {why}", file=sys.stderr, flush=True)
