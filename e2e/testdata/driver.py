# SPDX-License-Identifier: Apache-2.0
"""Calls AWS APIs by botocore: one JSON request a line on stdin, one JSON answer a line on stdout."""
import base64
import datetime
import json
import sys

import botocore.config
import botocore.exceptions
import botocore.session


def plain(value):
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(type(value))


clients = {}


def client(name, key, secret, token):
    if (name, key) not in clients:
        session = botocore.session.get_session()
        if key:
            session.set_credentials(key, secret, token)
        service, _, protocol = name.partition("/")
        if protocol:  # another one than botocore would choose; the loader caches what it loads
            model = session.get_component("data_loader").load_service_model(service, "service-2")
            model["metadata"].update(protocol=protocol, protocols=[protocol])
        config = botocore.config.Config(retries={"max_attempts": 0}, parameter_validation=False, read_timeout=120)
        clients[name, key] = session.create_client(service, config=config)
    return clients[name, key]


def binary(value):
    """{"$bytes": "..."} stands for a blob."""
    if isinstance(value, dict):
        if set(value) == {"$bytes"}:
            return base64.b64decode(value["$bytes"])
        return {k: binary(v) for k, v in value.items()}
    if isinstance(value, list):
        return [binary(v) for v in value]
    return value


def call(request):
    c = client(request["service"], request.get("key"), request.get("secret"), request.get("token"))
    try:
        answer = c._make_api_call(request["operation"], binary(request.get("params") or {}))
        return {"ok": answer}
    except botocore.exceptions.ClientError as e:
        return {"error": {"Code": e.response["Error"].get("Code"), "Message": e.response["Error"].get("Message"),
                          "Status": e.response["ResponseMetadata"].get("HTTPStatusCode"),
                          "RequestId": e.response["ResponseMetadata"].get("RequestId")}}
    except Exception as e:  # the test says what it expected
        return {"error": {"Code": "Client." + type(e).__name__, "Message": str(e), "Status": 0}}


for line in sys.stdin:
    print(json.dumps(call(json.loads(line)), default=plain), flush=True)
