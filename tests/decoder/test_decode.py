"""The decoder, with requests made by hand."""

import io
import json
import tempfile
import unittest
from pathlib import Path

import decode
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def text(key, value):
    return {"key": key, "value": {"stringValue": value}}


def log_request(uid="1" * 32, **record):
    record = {"timeUnixNano": "5", "body": {"stringValue": "b"}, "attributes": [text("log.record.uid", uid)]} | record
    resource = {"attributes": [text("service.name", "xapi")]}
    return {"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": [record]}]}]}


def run(bodies, *arguments):
    """Exit status, rows and complaints for these files."""
    with tempfile.TemporaryDirectory() as directory:
        for name, body in bodies.items():
            Path(directory, name).write_bytes(body if isinstance(body, bytes) else json.dumps(body).encode())
        out, err = io.StringIO(), io.StringIO()
        status = decode.main([directory, *arguments], out, err)
    return status, [json.loads(line) for line in out.getvalue().splitlines()], err.getvalue()


class Decode(unittest.TestCase):
    def test_json_and_protobuf_give_the_same_row(self):
        as_json = log_request(traceId="00" * 15 + "ab", spanId="00" * 7 + "cd")
        as_protobuf = decode.parse(json.dumps(as_json).encode(), "logs", True).SerializeToString()
        status, rows, _ = run({"000000.logs.json": as_json, "000001.logs.pb": as_protobuf})
        self.assertEqual(status, 0)
        self.assertEqual(rows[0], rows[1])
        self.assertEqual(rows[0]["trace_id"], "00" * 15 + "ab")
        self.assertEqual(rows[0]["span_id"], "00" * 7 + "cd")
        self.assertEqual((rows[0]["body"], rows[0]["time"], rows[0]["resource"]), ("b", 5, {"service.name": "xapi"}))

    def test_spans_carry_all_their_fields(self):
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        scoped = group.scope_spans.add()
        scoped.scope.name = "scope"
        span = scoped.spans.add(trace_id=bytes(15) + b"\1", span_id=bytes(7) + b"\2", name="VM.start", kind=2)
        span.status.code = 2
        span.events.add(time_unix_nano=7, name="exception")
        span.attributes.add(key="port").value.int_value = 80
        _, rows, _ = run({"000000.traces.pb": request.SerializeToString()})
        row = rows[0]
        self.assertEqual((row["kind"], row["name"], row["span_kind"], row["status"]), ("span", "VM.start", 2, 2))
        self.assertEqual((row["parent_id"], row["attributes"], row["scope"]), ("", {"port": 80}, ["scope", ""]))
        self.assertEqual(row["events"], [{"time": 7, "name": "exception", "attributes": {}}])

    def test_bad_bodies_are_named_and_the_others_read(self):
        unknown = ExportLogsServiceRequest().SerializeToString() + b"\x98\x06\x01"
        twice = log_request(attributes=[text("k", "1"), text("k", "2")])
        bodies = {"000000.logs.pb": b"\xff", "000001.logs.pb": unknown, "000002.logs.json": twice,
                  "000003.logs.json": {"resourceLog": []}, "000004.logs.json": log_request()}
        status, rows, complaints = run(bodies)
        self.assertEqual((status, len(rows), len(complaints.splitlines())), (1, 1, 4))
        self.assertIn("3 bytes of fields", complaints)

    def test_the_summary_counts_what_is_distinct(self):
        bodies = {"000000.logs.json": log_request(), "000001.logs.json": log_request(),
                  "000002.logs.json": log_request(uid="2" * 32, traceId="01" * 16),
                  "000003.logs.part.json": log_request(uid="3" * 32), "notes.txt": b""}
        status, rows, _ = run(bodies, "--summary")
        self.assertEqual(status, 0)
        counts = rows[0]
        self.assertEqual((counts["requests"], counts["logs"], counts["distinct_logs"], counts["joined"]), (3, 3, 2, 1))


if __name__ == "__main__":
    unittest.main()
