# SPDX-License-Identifier: Apache-2.0
"""Writes vectors.json: requests signed by botocore at a fixed time. Run: python3 vectors.py > vectors.json"""
import datetime
import json

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

WHEN = datetime.datetime(2026, 1, 31, 23, 59, 59)
botocore.auth.get_current_datetime = lambda remove_tzinfo=True: WHEN

FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
CASES = [
    ("post", "header", "ec2", "POST", "https://127.0.0.1:8443/", FORM, b"Action=DescribeInstances&Version=2016-11-15", None),
    ("post without a port", "header", "ec2", "POST", "https://ec2.hive.test/", FORM, b"Action=DescribeVpcs&Version=2016-11-15", None),
    ("session token", "header", "sts", "POST", "https://127.0.0.1:8443/", FORM, b"Action=GetCallerIdentity&Version=2011-06-15", "FQoG/token+with=signs"),
    ("get with a query", "header", "iam", "GET", "https://127.0.0.1:8443/?Version=2010-05-08&Action=ListUsers&PathPrefix=%2Fa%20b%2F&Z=&a=%C3%A9~", {}, b"", None),
    ("spaces in headers", "header", "ec2", "POST", "https://127.0.0.1:8443/", {**FORM, "X-Amz-Meta": "  a   b  c "}, b"Action=X", None),
    ("path of another service", "header", "ebs", "GET", "https://127.0.0.1:8443/snapshots/snap-1/blocks?maxResults=5", {}, b"", None),
    ("escaped path", "header", "ebs", "GET", "https://127.0.0.1:8443/a%20b/c%2Fd", {}, b"", None),
    ("presigned get", "query", "ec2", "GET", "https://127.0.0.1:8443/?Action=DescribeInstances&Version=2016-11-15", {}, b"", None),
    ("presigned with a token", "query", "sts", "GET", "https://127.0.0.1:8443/?Action=GetCallerIdentity&Version=2011-06-15", {"x-k8s-aws-id": "cluster"}, b"", "FQoG/token+with=signs"),
]


def vector(name, kind, service, method, url, headers, body, token):
    request = AWSRequest(method=method, url=url, headers=dict(headers), data=body)
    credentials = Credentials("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", token)
    if kind == "header":
        botocore.auth.SigV4Auth(credentials, service, "hive-1").add_auth(request)
    else:
        botocore.auth.SigV4QueryAuth(credentials, service, "hive-1", expires=60).add_auth(request)
    prepared = request.prepare()
    return {"name": name, "service": service, "method": method, "url": prepared.url,
            "headers": {k: v for k, v in prepared.headers.items()}, "body": body.decode(), "token": token or ""}


print(json.dumps([vector(*c) for c in CASES], indent=1))
