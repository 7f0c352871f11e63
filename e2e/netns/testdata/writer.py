# SPDX-License-Identifier: Apache-2.0
"""Counts in a tag of a resource until stdin ends, with botocore as the AWS CLI has it: default retries.
One JSON line a call: the count, the seconds it took, how often it was tried again, and the error if there was one."""
import json
import sys
import threading
import time

import botocore.session

resource, key = sys.argv[1:]
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
ec2 = botocore.session.get_session().create_client("ec2")
count = 0
while not ended.is_set():
    count += 1
    began = time.monotonic()
    line = {"count": count, "retries": 0}
    try:
        answer = ec2.create_tags(Resources=[resource], Tags=[{"Key": key, "Value": str(count)}])
        line["retries"] = answer["ResponseMetadata"]["RetryAttempts"]
    except Exception as e:  # the test says what it expected
        line["error"] = f"{type(e).__name__}: {e}"
    line["seconds"] = time.monotonic() - began
    print(json.dumps(line), flush=True)
