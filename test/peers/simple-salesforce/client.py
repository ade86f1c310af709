"""One load, or the results of a job, with simple-salesforce: request as JSON on stdin, result on stdout."""

import csv
import io
import json
import sys

from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceOperationError

VERSION = "62.0"


def rows(text):
    # Not get_all_ingest_records: it splits cells at their line breaks.
    return list(csv.DictReader(io.StringIO(text, newline="")))


def main():
    question = json.load(sys.stdin)
    url = question["url"]
    sf = Salesforce(session_id=question["token"], instance_url=url, version=VERSION)
    # The constructor keeps only the host and always uses https.
    sf.bulk2_url = f"{url}/services/data/v{VERSION}/jobs/"
    bulk = getattr(sf.bulk2, question["object"])
    if "job" in question:
        job = question["job"]
        return {
            "successful": rows(bulk.get_successful_records(job)),
            "failed": rows(bulk.get_failed_records(job)),
            "unprocessed": rows(bulk.get_unprocessed_records(job)),
        }
    options = {name: question[name] for name in ("records", "csv_file", "batch_size") if name in question}
    if question.get("key"):
        options["external_id_field"] = question["key"]
    try:
        # Sleeps this long before it first polls the job.
        jobs = getattr(bulk, question["operation"])(wait=0.5, **options)
    except SalesforceOperationError as error:
        # The id of the job is lost here.
        return {"error": str(error)}
    if len(jobs) > 1:
        return {"parts": [job["numberRecordsProcessed"] for job in jobs]}
    (job,) = jobs
    return {
        "jobId": job["job_id"],
        "processed": job["numberRecordsProcessed"],
        "failed": job["numberRecordsFailed"],
    }


json.dump(main(), sys.stdout)
