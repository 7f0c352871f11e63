# SPDX-License-Identifier: Apache-2.0
"""Calls a gateway with botocore and prints what it saw as JSON. Arguments: endpoint, CA file."""
import json
import sys
import urllib.request
import ssl

import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

endpoint, ca = sys.argv[1:]
session = botocore.session.Session()
session.set_credentials("AKIAOWNER", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
config = Config(retries={"max_attempts": 0})
ec2 = session.create_client("ec2", region_name="hive-1", endpoint_url=endpoint, verify=ca, config=config)


def outcome(call, **arguments):
    try:
        answer = call(**arguments)
        return {"status": answer["ResponseMetadata"]["HTTPStatusCode"], "id": answer["ResponseMetadata"]["RequestId"], "answer": answer}
    except ClientError as e:
        return {"status": e.response["ResponseMetadata"]["HTTPStatusCode"], "id": e.response["ResponseMetadata"]["RequestId"],
                "code": e.response["Error"]["Code"], "message": e.response["Error"]["Message"]}


seen = {}
seen["all"] = outcome(ec2.describe_volumes)
seen["filtered"] = outcome(ec2.describe_volumes, Filters=[{"Name": "tag:n", "Values": ["v1*", "v2"]}])
seen["nothing"] = outcome(ec2.describe_volumes, Filters=[{"Name": "size", "Values": ["99"]}])
seen["pages"] = [len(p["Volumes"]) for p in ec2.get_paginator("describe_volumes").paginate(PaginationConfig={"PageSize": 5})]
seen["dry run"] = outcome(ec2.delete_volume, VolumeId="vol-00000000000000000", DryRun=True)
seen["deleted"] = outcome(ec2.delete_volume, VolumeId="vol-00000000000000000")
seen["malformed"] = outcome(ec2.describe_volumes, VolumeIds=["vol-x"])
seen["unsupported"] = outcome(ec2.run_instances, MinCount=1, MaxCount=1, KernelId="aki-1")
seen["panic"] = outcome(ec2.run_instances, MinCount=1, MaxCount=1)
seen["huge"] = outcome(ec2.describe_volumes, VolumeIds=["x" * (10 << 20)])
seen["unknown action"] = outcome(ec2.describe_vpcs)
for method in "GET", "POST":  # POST is botocore's own choice: the parameters go into the URL, the body stays empty
    url = ec2.generate_presigned_url("describe_volumes", Params={"MaxResults": 5}, ExpiresIn=60, HttpMethod=method)
    request = urllib.request.Request(url, method=method, data=b"" if method == "POST" else None)
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=ca)) as answer:
        seen["presigned " + method] = {"status": answer.status, "volumes": answer.read().decode().count("<volumeId>")}
print(json.dumps(seen, default=str))
