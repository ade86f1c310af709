"""One load with simple-salesforce: request as JSON on stdin, result on stdout."""

import csv
import io
import json
import resource
import sys
import time

from simple_salesforce import Salesforce

VERSION = "62.0"


def count(text):
    return sum(1 for _ in csv.reader(io.StringIO(text, newline=""))) - 1


def main():
    question = json.load(sys.stdin)
    url = question["url"]
    sf = Salesforce(session_id=question["token"], instance_url=url, version=VERSION)
    # The constructor keeps only the host and always uses https.
    sf.bulk2_url = f"{url}/services/data/v{VERSION}/jobs/"
    bulk = sf.bulk2.Account
    began = time.monotonic()
    jobs = bulk.upsert(
        csv_file=question["source"],
        external_id_field="External_Id__c",
        # Its own split does not count quotes and delimiters, and then it refuses the parts as too large.
        batch_size=question["partRows"],
        wait=question["pollMs"] / 1000,
    )
    sent = time.monotonic()
    rows = 0
    for job in jobs:
        job_id = job["job_id"]
        rows += count(bulk.get_successful_records(job_id))
        rows += count(bulk.get_failed_records(job_id))
        rows += count(bulk.get_unprocessed_records(job_id))
    ended = time.monotonic()
    kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "seconds": ended - began,
        "rows": rows,
        # It does not report how long it waited for the job; a stub ends it at once, so that is one wait per job.
        "moving": ended - began - len(jobs) * question["pollMs"] / 1000,
        "peakMB": kib * 1024 / 1e6,
    }


json.dump(main(), sys.stdout)
