# SPDX-License-Identifier: Apache-2.0
"""Prints a URL that botocore presigned: presign.py OPERATION SECONDS [SERVICE]."""
import sys

import botocore.session

client = botocore.session.get_session().create_client(sys.argv[3] if len(sys.argv) > 3 else "ec2")
print(client.generate_presigned_url(sys.argv[1], ExpiresIn=int(sys.argv[2]), HttpMethod="GET"))
