#!/usr/bin/env python3
"""A client in one file, as docs/wire.md has it: NATS, psk, JSON. It needs nothing but Python 3.8.

    MCOLLECTIVE_PSK=... client.py BROKER:PORT AGENT ACTION [INPUT=TEXT...]

It calls the action on every node that has the agent, and prints a line of JSON for each. Exits with 0 if all succeeded.
"""
import hashlib, hmac, json, os, re, secrets, socket, sys, time

PSK = os.environ["MCOLLECTIVE_PSK"].encode()
(HOST, PORT), AGENT, ACTION = sys.argv[1].rsplit(":", 1), sys.argv[2], sys.argv[3]
COLLECTIVE, IDENTITY, CALLER = "mcollective", socket.gethostname(), f"uid={os.getuid()}"
INPUTS = dict(word.split("=", 1) for word in sys.argv[4:])
FILTER = {"fact": [], "cf_class": [], "agent": [AGENT], "identity": [], "compound": []}

def proof(body):
    return hashlib.md5(body.encode() + PSK).hexdigest()

def make_request(agent, body):
    text, request_id = json.dumps(body), secrets.token_hex(16)  # the body is JSON in a string of the envelope
    return request_id, json.dumps({
        "body": text, "hash": proof(text), "senderid": IDENTITY, "requestid": request_id, "collective": COLLECTIVE,
        "agent": agent, "filter": FILTER, "callerid": CALLER, "ttl": 60, "msgtime": int(time.time())}).encode()

def open_reply(data, request_id):  # returns who replied, the body and the reason; None for what is no reply to this
    try:
        r = json.loads(data)
        request = any(r.get(key) is not None for key in ("agent", "filter", "callerid", "ttl", "collective"))
        named = re.fullmatch(r"[A-Za-z0-9_.-]{1,255}", r["senderid"])
        if named and not request and r["requestid"] == request_id and hmac.compare_digest(proof(r["body"]), r["hash"]):
            return r["senderid"], json.loads(r["body"]), r.get("reason")
    except (ValueError, KeyError, TypeError, AttributeError) as why:
        print(f"reply refused: {why!r}", file=sys.stderr)

class Broker:
    def __init__(self):
        self.socket, self.buffer = socket.create_connection((HOST, int(PORT)), timeout=5), b""
        line = self.socket.makefile("rb", buffering=0).readline(1 << 16)
        self.lists = json.loads(line[5:]).get("server_name", "").startswith("mco-broker/")
        self.send("CONNECT " + json.dumps({"verbose": False, "headers": True, "name": IDENTITY}))

    def send(self, line, data=None):
        self.socket.sendall(line.encode() + b"\r\n" + (b"" if data is None else data + b"\r\n"))

    def receive(self, until):  # returns subject and data of a message; None when the time is up
        while True:
            line, end, rest = self.buffer.partition(b"\r\n")
            op, *words = line.decode().split() if end else [""]
            size, head = int(words[-1]) if op in ("MSG", "HMSG") else -2, int(words[-2]) if op == "HMSG" else 0
            if end and len(rest) >= size + 2:
                self.buffer = rest[size + 2:]
                if op == "PING":
                    self.send("PONG")
                if op == "-ERR":
                    sys.exit(f"the broker refuses: {line.decode()}")
                if size >= 0:
                    return words[0], rest[head:size]
            else:
                self.socket.settimeout(max(until - time.time(), 0.001))
                try:
                    self.buffer += self.socket.recv(1 << 16) or sys.exit("the broker closed the connection")
                except socket.timeout:
                    return None

broker = Broker()
reply_to = f"{COLLECTIVE}.reply.{IDENTITY}.{secrets.token_hex(16)}"
interest = "_MCO_REPLY." + secrets.token_hex(16).upper()
broker.send(f"SUB {reply_to} 1\r\nSUB {interest} 2")

# Who has the agent? Every node answers yes or no, and the broker says how many answers there will be.
request_id, data = make_request("discovery", "ping")
headers, subject = b"NATS/1.0\r\nmco-answer: all\r\n\r\n", f"{COLLECTIVE}.broadcast.agent.discovery"
broker.send(f"HPUB {subject} {reply_to} {len(headers)} {len(headers) + len(data)}", headers + data)
if broker.lists:
    broker.send(f"PUB _MCO.interest {interest} {len(subject)}", subject.encode())
listening, complete, heard, nodes, until = [], False, [], set(), time.time() + 2
while not (complete and sorted(heard) == sorted(listening)) and (message := broker.receive(until)):
    if message[0] == interest:
        part = json.loads(message[1])
        listening += part.get("names", [])
        complete = not (part.get("more") or part.get("error") or part.get("unnamed") or part["subject"] != subject)
    elif reply := open_reply(message[1], request_id):
        heard.append(reply[0])
        nodes |= {reply[0]} if str(reply[1]).split(" ")[0] == "pong" else set()

# Call the action on each by name. Whoever does not reply in time has failed.
body = {"agent": AGENT, "action": ACTION, "caller": CALLER, "data": {**INPUTS, "process_results": True}}
request_id, data = make_request(AGENT, body)
for node in nodes:
    broker.send(f"PUB {COLLECTIVE}.node.{node} {reply_to} {len(data)}", data)
failed, until = not nodes, time.time() + 15
while nodes and (message := broker.receive(until)):
    reply = open_reply(message[1], request_id) if message[0] == reply_to else None
    if reply and reply[0] in nodes:
        nodes.remove(reply[0])
        failed |= reply[1]["statuscode"] != 0 or bool(reply[2])
        print(json.dumps({"sender": reply[0], **reply[1], **({"reason": reply[2]} if reply[2] else {})}))
for node in sorted(nodes):
    print(json.dumps({"sender": node, "statuscode": 5, "statusmsg": "no reply"}))
sys.exit(1 if failed or nodes else 0)
