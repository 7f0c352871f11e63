# SPDX-License-Identifier: Apache-2.0
"""Makes key pairs one after the other until stdin ends, with botocore as the AWS CLI has it: default retries.
One JSON line a call: the name, the seconds it took, how often it was tried again, and the error if there was one."""
import json
import sys
import threading
import time

import botocore.session

prefix = sys.argv[1]
ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
ec2 = botocore.session.get_session().create_client("ec2")
count = 0
while not ended.is_set():
    count += 1
    name = f"{prefix}-{count}"
    began = time.monotonic()
    line = {"name": name, "retries": 0}
    try:
        answer = ec2.create_key_pair(KeyName=name, KeyType="ed25519")
        line["retries"] = answer["ResponseMetadata"]["RetryAttempts"]
    except Exception as e:  # the test says what it expected
        line["error"] = f"{type(e).__name__}: {e}"
    line["seconds"] = time.monotonic() - began
    print(json.dumps(line), flush=True)
