"""Uploads files with tuspy, one after the other. Argument: a JSON file
[{ url, token, path, chunk_bytes }]"""
import json
import sys
import time

import requests
from tusclient import client
from tusclient.exceptions import TusCommunicationError

jobs = json.load(open(sys.argv[1]))
for job in jobs:
    tus = client.TusClient(job["url"], headers={"Authorization": "Bearer " + job["token"]})
    url = None
    while True:
        try:
            uploader = tus.uploader(
                job["path"], chunk_size=job["chunk_bytes"] or 65536, upload_checksum=True, url=url
            )
            if uploader.url is None:
                uploader.set_url(uploader.create_url())
            url = uploader.url
            uploader.upload()
            break
        except (TusCommunicationError, requests.exceptions.RequestException) as failure:
            status = getattr(failure, "status_code", None)
            if status is not None and status not in (409, 423) and status < 500:
                raise
            time.sleep(0.02)
print("uploaded", len(jobs))
