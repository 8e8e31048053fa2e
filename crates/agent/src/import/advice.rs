//! What lets in what a backend has refused.
//!
//! The settings are those of Grafana Loki 3 (`limits_config`, `ingester`: docs/sources/shared/configuration.md) and Grafana
//! Tempo 2 (docs/sources/tempo/configuration/_index.md).

/// What to do about records that were refused for this reason; `None`: only the server's words tell.
pub(super) fn advice(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "too_old" => {
            "Loki: limits_config.reject_old_samples_max_age (7 days by default), or reject_old_samples: false; \
             or move the times with --shift-to-now"
        }
        "too_new" => "Loki: limits_config.creation_grace_period (10 minutes by default)",
        "too_far_behind" => {
            "Loki: ingester.max_chunk_age, half of which lines may lie behind the newest of their stream; or import under \
             another --namespace, which makes streams of its own"
        }
        "line_too_long" => "Loki: limits_config.max_line_size, or max_line_size_truncate: true",
        "attributes" => {
            "Loki: limits_config.allow_structured_metadata, max_structured_metadata_size, \
             max_structured_metadata_entries_count"
        }
        "label" => {
            "Loki: limits_config.max_label_names_per_series, max_label_name_length, max_label_value_length"
        }
        "too_large" => "the server's limit for one request, or for one line or span",
        _ => return None,
    })
}

/// What is to be known of data this old, where nothing was refused.
pub(super) fn of_age(age_seconds: i64) -> Option<&'static str> {
    const HOUR: i64 = 3600;
    (age_seconds > HOUR).then_some(
        "Tempo finds traces this old by id at once; searching them by time wants \
         storage.trace.wal.ingestion_time_range_slack to cover their age",
    )
}
