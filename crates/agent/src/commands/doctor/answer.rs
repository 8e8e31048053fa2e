//! What the answer to an empty OTLP request means for somebody who sets up the way.

use super::finding::Finding;
use exporter::classify::{Answer, Blocked, Class, Http, Retry, TlsFailure, classify};
use model::Now;

/// The finding for one signal. An empty request is a good one (the specification lets a server take it), but some
/// refuse it: Loki answers 422. Who refuses its content has read it, and is there.
pub(super) fn judge(id: &'static str, signal: &str, url: &str, answer: &Answer) -> Finding {
    let said = answer.to_string();
    let finding = match classify(answer, Now::default()) {
        Class::Delivered { .. } => Finding::ok(id, format!("takes {signal} ({said})")),
        Class::Stored { .. } => Finding::ok(id, format!("is there ({said})")),
        Class::Bad { .. } => bad(id, answer, &said),
        Class::Split { .. } => Finding::warn(id, format!("calls an empty request too large ({said})"))
            .mend(format!("curl -v {url}   # does it speak OTLP?")),
        Class::Retry { why, .. } => retry(id, why, &said, url),
        Class::Blocked { why, .. } => blocked(id, signal, why, answer, &said),
    };
    finding.of(url)
}

fn bad(id: &'static str, answer: &Answer, said: &str) -> Finding {
    match answer {
        Answer::Http(Http { status: 422, .. }) => {
            Finding::ok(id, format!("is there, and refuses an empty request, as Loki does ({said})"))
        }
        Answer::Http(Http { status: 500, .. }) => {
            Finding::fail(id, format!("has a fault of its own ({said})"))
                .mend("look into the collector's own log")
        }
        _ => Finding::warn(id, format!("is there, and refuses an empty request ({said})"))
            .mend("xapi-observer doctor --send-test"),
    }
}

fn retry(id: &'static str, why: Retry, said: &str, url: &str) -> Finding {
    match why {
        Retry::Throttled | Retry::ThrottledPartly | Retry::Unavailable | Retry::Interrupted => {
            Finding::warn(id, format!("is there, but takes nothing now ({said})"))
                .mend("xapi-observer doctor   # again in a minute")
        }
        Retry::Gateway => {
            Finding::fail(id, format!("a gateway answers, and nothing behind it does ({said})"))
                .mend("look into the log of the proxy or balancer before the collector")
        }
        Retry::Unreachable | Retry::Lost | Retry::Late => {
            Finding::fail(id, format!("does not answer ({said})")).mend(format!("curl -v {url}"))
        }
    }
}

fn blocked(id: &'static str, signal: &str, why: Blocked, answer: &Answer, said: &str) -> Finding {
    let status = match answer {
        Answer::Http(http) => http.status,
        _ => 0,
    };
    let (text, key) = match why {
        Blocked::Credentials => (
            "does not know us",
            "export.headers = { Authorization = \"file:/etc/xapi-observer/token\" }, and X-Scope-OrgID where there are tenants".to_owned(),
        ),
        Blocked::NotThere if status == 405 => (
            "takes no POST: the path is another's",
            format!("export.{signal}.endpoint: the whole URL, such as http://host:4318/v1/{signal}"),
        ),
        Blocked::NotThere => ("has nothing at this path", paths(signal)),
        Blocked::Redirect => ("points elsewhere; redirects are not followed", format!("export.endpoint, or export.{signal}.endpoint: the address it points to")),
        Blocked::NotOtlp => (
            "is no OTLP endpoint",
            "export.endpoint: host and port of the collector (4318 for http, 4317 for grpc)".to_owned(),
        ),
        Blocked::Endpoint => ("does not take this kind of request", "export.protocol and export.compression".to_owned()),
        Blocked::UnknownHost => ("has no address", "export.endpoint: the host's name".to_owned()),
        Blocked::Tls(why) => ("TLS does not come about", tls_key(why).to_owned()),
        Blocked::Proxy => ("the proxy asks for credentials", "export.proxy = \"http://user:password@proxy:3128\"".to_owned()),
    };
    Finding::fail(id, format!("{text} ({said})")).mend(key)
}

/// Where backends take a signal.
fn paths(signal: &str) -> String {
    let known = match signal {
        "logs" => "Loki: http://loki:3100/otlp/v1/logs; a Collector: http://host:4318/v1/logs",
        "metrics" => {
            "Mimir: http://mimir:8080/otlp/v1/metrics; Prometheus: http://host:9090/api/v1/otlp/v1/metrics; or export.metrics.enabled = false"
        }
        _ => "Tempo and a Collector: http://host:4318/v1/traces",
    };
    format!("export.{signal}.endpoint: {known}")
}

/// The key that mends a TLS failure.
pub(super) fn tls_key(why: TlsFailure) -> &'static str {
    match why {
        TlsFailure::UnknownIssuer => "export.tls.ca_file: the authority's certificate, in PEM",
        TlsFailure::WrongHost => {
            "export.endpoint: the name in the certificate; or export.tls.server_name, if it can't be that"
        }
        TlsFailure::Expired => {
            "renew the server's certificate; and look at this host's clock: chronyc tracking"
        }
        TlsFailure::NotYetValid => "this host's clock: chronyc tracking",
        TlsFailure::ClientCertificate => "export.tls.cert_file and export.tls.key_file",
        TlsFailure::NotTls => "export.endpoint: http:// instead of https://, or another port",
        TlsFailure::Revoked | TlsFailure::BadCertificate | TlsFailure::Handshake => {
            "openssl s_client -connect HOST:PORT   # shows what the server offers"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::doctor::finding::Level;
    use exporter::classify::{Failed, Failure, Partial, Reply};

    fn http(status: u16, reply: Reply) -> Answer {
        Answer::Http(Http { status, retry_after: None, reply, message: String::new() })
    }

    fn failed(failure: Failure) -> Answer {
        Answer::Failed(Failed { failure, sent: false, message: "why".to_owned() })
    }

    #[test]
    fn every_answer_is_explained() {
        let foreign = Reply::Foreign { content_type: "text/html".to_owned() };
        let partial = Reply::Otlp(Partial { rejected: 1, message: "no".to_owned() });
        for (answer, level, mend) in [
            (http(200, Reply::Empty), Level::Ok, ""),
            (http(204, Reply::Empty), Level::Ok, ""),
            (http(200, partial), Level::Ok, ""),
            (http(422, Reply::Empty), Level::Ok, ""),
            (http(400, Reply::Empty), Level::Warn, "--send-test"),
            (http(413, Reply::Empty), Level::Warn, "curl"),
            (http(429, Reply::Empty), Level::Warn, "again"),
            (http(503, Reply::Empty), Level::Warn, "again"),
            (http(500, Reply::Empty), Level::Fail, "collector's own log"),
            (http(502, Reply::Empty), Level::Fail, "balancer"),
            (http(401, Reply::Empty), Level::Fail, "export.headers"),
            (http(403, Reply::Empty), Level::Fail, "export.headers"),
            (http(404, Reply::Empty), Level::Fail, "otlp/v1/logs"),
            (http(405, Reply::Empty), Level::Fail, "export.logs.endpoint"),
            (http(301, Reply::Empty), Level::Fail, "points to"),
            (http(407, Reply::Empty), Level::Fail, "export.proxy"),
            (http(415, Reply::Empty), Level::Fail, "export.protocol"),
            (http(200, foreign), Level::Fail, "export.endpoint"),
            (failed(Failure::Connect), Level::Fail, "curl"),
            (failed(Failure::Timeout), Level::Fail, "curl"),
            (failed(Failure::UnknownHost), Level::Fail, "export.endpoint"),
            (failed(Failure::Tls(TlsFailure::UnknownIssuer)), Level::Fail, "ca_file"),
            (failed(Failure::Tls(TlsFailure::WrongHost)), Level::Fail, "server_name"),
        ] {
            let found = judge("otlp.logs", "logs", "http://x/v1/logs", &answer);
            assert_eq!(found.level, level, "{answer}: {found:?}");
            let mends = found.mend.join("\n");
            assert!(mends.contains(mend) && mends.is_empty() == (level == Level::Ok), "{answer}: {found:?}");
        }
    }
}
