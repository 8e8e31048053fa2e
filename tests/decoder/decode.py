#!/usr/bin/env python3
"""Reads OTLP request bodies from a directory and prints what is in them, one JSON object a line.

It shares no code with the agent or the test collector: another implementation of protobuf, another language.

Files are `NNNNNN.<traces|logs|metrics>.<pb|json>`, uncompressed, as the test collector saves them; `.part.` files, of
which only part was stored, are left out. Rows have `kind` (`span`, `log`, `metric`), ids as lower-case hexadecimal (empty
if absent), times as nanoseconds, and attributes and resource as objects.

A body that can't be read, has fields that OTLP doesn't know, or repeats an attribute's key, is named on standard error,
and the exit status is 1; the other bodies are printed all the same.
"""

import argparse
import base64
import json
import sys
from pathlib import Path

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

REQUESTS = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
HEX_FIELDS = ("traceId", "spanId", "parentSpanId")


class Bad(Exception):
    """A body that is not what it should be."""


def with_base64_ids(node):
    """OTLP's JSON writes ids as hexadecimal where protobuf's own JSON mapping has base64."""
    if isinstance(node, list):
        return [with_base64_ids(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {
        key: base64.b64encode(bytes.fromhex(value)).decode() if key in HEX_FIELDS else with_base64_ids(value)
        for key, value in node.items()
    }


def parse(body, signal, is_json):
    """The request in `body`; `Bad` if there is none or more than OTLP knows."""
    request = REQUESTS[signal]()
    try:
        if is_json:
            return json_format.ParseDict(with_base64_ids(json.loads(body)), request)
        request.ParseFromString(body)
    except (DecodeError, json_format.ParseError, ValueError) as error:
        raise Bad(f"can't be read: {' '.join(str(error).split())}") from error
    size = request.ByteSize()
    request.DiscardUnknownFields()
    if request.ByteSize() != size:
        raise Bad(f"{size - request.ByteSize()} bytes of fields that OTLP doesn't know")
    return request


def value(any_value):
    """An AnyValue as JSON has it; bytes as hexadecimal."""
    which = any_value.WhichOneof("value")
    if which is None:
        return None
    if which == "array_value":
        return [value(one) for one in any_value.array_value.values]
    if which == "kvlist_value":
        return attributes(any_value.kvlist_value.values)
    if which == "bytes_value":
        return any_value.bytes_value.hex()
    return getattr(any_value, which)


def attributes(pairs):
    """Key-value pairs as an object; `Bad` if a key is empty or stands twice."""
    found = {}
    for pair in pairs:
        if not pair.key or pair.key in found:
            raise Bad(f"attribute key {pair.key!r} is empty or repeated")
        found[pair.key] = value(pair.value)
    return found


def span_row(span, scope, resource):
    return {
        "kind": "span",
        "trace_id": span.trace_id.hex(),
        "span_id": span.span_id.hex(),
        "parent_id": span.parent_span_id.hex(),
        "span_kind": span.kind,
        "name": span.name,
        "start": span.start_time_unix_nano,
        "end": span.end_time_unix_nano,
        "status": span.status.code,
        "status_message": span.status.message,
        "attributes": attributes(span.attributes),
        "events": [
            {"time": event.time_unix_nano, "name": event.name, "attributes": attributes(event.attributes)}
            for event in span.events
        ],
        "scope": [scope.name, scope.version],
        "resource": resource,
    }


def log_row(record, resource):
    return {
        "kind": "log",
        "time": record.time_unix_nano,
        "observed_time": record.observed_time_unix_nano,
        "severity": record.severity_number,
        "severity_text": record.severity_text,
        "body": value(record.body),
        "trace_id": record.trace_id.hex(),
        "span_id": record.span_id.hex(),
        "flags": record.flags,
        "attributes": attributes(record.attributes),
        "resource": resource,
    }


def metric_row(metric, resource):
    data = metric.WhichOneof("data")
    points = getattr(metric, data).data_points if data else []
    return {
        "kind": "metric",
        "name": metric.name,
        "unit": metric.unit,
        "type": data,
        "points": [json_format.MessageToDict(point) for point in points],
        "resource": resource,
    }


def rows(request, signal):
    """All records of a request, in its order."""
    found = []
    if signal == "traces":
        for group in request.resource_spans:
            resource = attributes(group.resource.attributes)
            for scoped in group.scope_spans:
                found += [span_row(span, scoped.scope, resource) for span in scoped.spans]
    elif signal == "logs":
        for group in request.resource_logs:
            resource = attributes(group.resource.attributes)
            for scoped in group.scope_logs:
                found += [log_row(record, resource) for record in scoped.log_records]
    else:
        for group in request.resource_metrics:
            resource = attributes(group.resource.attributes)
            for scoped in group.scope_metrics:
                found += [metric_row(metric, resource) for metric in scoped.metrics]
    return found


class Summary:
    """Counts of what was seen."""

    def __init__(self):
        names = "requests bad spans distinct_spans logs distinct_logs joined joined_to_span metrics"
        self.counts = dict.fromkeys(names.split(), 0)
        self.seen = set()

    def add(self, row):
        kind = row["kind"]
        self.counts[f"{kind}s"] += 1
        if kind == "metric":
            return
        identity = log_identity(row) if kind == "log" else span_identity(row)
        if identity not in self.seen:
            self.seen.add(identity)
            self.counts[f"distinct_{kind}s"] += 1
        if kind == "log":
            self.counts["joined"] += bool(row["trace_id"])
            self.counts["joined_to_span"] += bool(row["span_id"])


def span_identity(row):
    return (row["trace_id"], row["span_id"], row["span_kind"], row["resource"].get("service.name"))


def log_identity(row):
    uid = row["attributes"].get("log.record.uid")
    return uid or (row["time"], row["body"], row["resource"].get("service.name"))


def files(directory):
    """The bodies in the order of arrival, with signal and encoding."""
    for path in sorted(Path(directory).iterdir()):
        parts = path.name.split(".")
        if len(parts) == 3 and parts[1] in REQUESTS and parts[2] in ("pb", "json"):
            yield path, parts[1], parts[2] == "json"


def main(arguments=None, out=sys.stdout, err=sys.stderr):
    parser = argparse.ArgumentParser(description="Prints what is in saved OTLP requests, one JSON object a line.")
    parser.add_argument("directory")
    parser.add_argument("--summary", action="store_true", help="print counts alone, as one JSON object")
    options = parser.parse_args(arguments)
    summary = Summary()
    for path, signal, is_json in files(options.directory):
        summary.counts["requests"] += 1
        try:
            found = rows(parse(path.read_bytes(), signal, is_json), signal)
        except Bad as bad:
            summary.counts["bad"] += 1
            print(f"{path}: {bad}", file=err)
            continue
        for row in found:
            summary.add(row)
            if not options.summary:
                print(json.dumps(row, sort_keys=True), file=out)
    if options.summary:
        print(json.dumps(summary.counts), file=out)
    return 1 if summary.counts["bad"] else 0


if __name__ == "__main__":
    sys.exit(main())
