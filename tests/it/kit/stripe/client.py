"""Calls a Stripe API with the official client, as one JSON object per line says; answers each with another.

    {"key": "rk_…", "list": "events", "params": {…}}      every object, page after page
    {"key": "rk_…", "get": "events", "id": "evt_…"}       one object
    {"headers": {…}, "path": "/v1/events?limit=1"}        one plain request, which the client would not make
"""

import json
import sys
import urllib.error
import urllib.request

import stripe

BASE = sys.argv[1]


def run(order):
    if "path" in order:
        return plain(order["path"], order["headers"])
    client = stripe.StripeClient(order["key"], base_addresses={"api": BASE}, max_network_retries=0)
    services = {
        "account": client.v1.accounts,
        "balance": client.v1.balance,
        "event_destinations": client.v2.core.event_destinations,
        "events": client.v1.events,
        "subscriptions": client.v1.subscriptions,
        "webhook_endpoints": client.v1.webhook_endpoints,
    }
    options = order.get("options", {})
    try:
        if "list" in order:
            page = services[order["list"]].list(order.get("params", {}), options)
            return {"data": [json.loads(str(item)) for item in page.auto_paging_iter()]}
        service = services[order["get"]]
        if order["get"] == "account":
            return json.loads(str(service.retrieve_current(options=options)))
        arguments = [order["id"]] if "id" in order else []
        return json.loads(str(service.retrieve(*arguments, options=options)))
    except stripe.StripeError as error:
        return {
            "error": type(error).__name__,
            "status": error.http_status,
            "code": error.code,
            "param": getattr(error, "param", None),
            "message": error.user_message,
            "request_id": error.request_id,
            "retry_after": error.headers.get("Retry-After"),
        }


def plain(path, headers):
    request = urllib.request.Request(BASE + path, headers=headers)
    try:
        response = urllib.request.urlopen(request)
    except urllib.error.HTTPError as error:
        response = error
    return {
        "status": response.status,
        "headers": {name.lower(): value for name, value in response.headers.items()},
        "body": json.load(response),
    }


for line in sys.stdin:
    print(json.dumps(run(json.loads(line))), flush=True)
