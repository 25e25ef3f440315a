#!/usr/bin/env python3
"""Runs a campaign over Sluice's HTTP API, with Python's standard library alone.

It composes the campaign, sends its list, launches it, waits, and counts what became
of every row. It may be killed and run again at any moment.

    SLUICE_API=http://127.0.0.1:8070 SLUICE_TOKEN=slc_... python3 run_campaign.py campaign.json list.csv
"""

import collections
import gzip
import json
import os
import sys
import time
import urllib.error
import urllib.request

API = os.environ["SLUICE_API"] + "/v1"
TOKEN = os.environ["SLUICE_TOKEN"]


def ask(method, path, body=None, **headers):
    """Asks until it is answered; repeating anything is safe."""
    for attempt in range(6):
        request = urllib.request.Request(API + path, data=body, method=method)
        request.add_header("Authorization", "Bearer " + TOKEN)
        request.add_header("Content-Type", "application/json")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            return urllib.request.urlopen(request, timeout=600)
        except urllib.error.HTTPError as error:
            if error.code not in (429, 502, 503, 504):
                sys.exit("%s %s: %s" % (method, path, error.read().decode()))
            time.sleep(float(error.headers.get("Retry-After") or 2**attempt))
        except (urllib.error.URLError, ConnectionError):
            time.sleep(2**attempt)
    sys.exit("%s %s: no answer" % (method, path))


def main():
    campaign_file, list_file = sys.argv[1:]
    with open(campaign_file, "rb") as f:
        campaign = json.load(ask("POST", "/campaigns", f.read()))
    at = "/campaigns/" + campaign["id"]
    with open(list_file, "rb") as f:
        part = json.load(ask("PUT", at + "/parts/1", gzip.compress(f.read()), Content_Type="text/csv", Content_Encoding="gzip"))
    ask("POST", at + "/launch", json.dumps({"rows": part["rows"]}).encode())
    while True:
        campaign = json.load(ask("GET", at))
        state = campaign["status"]["state"]
        if state not in ("importing", "scheduled", "running"):
            break
        time.sleep(1)
    states, whole = collections.Counter(), False
    for line in ask("GET", at + "/recipients?end=true"):
        row = json.loads(line)
        if "end" in row:
            whole = True
        else:
            states[row["state"]] += 1
    if not whole:
        sys.exit("the rows broke off; run it again")
    print("%s is %s: %s" % (campaign["id"], state, dict(states)))


main()
