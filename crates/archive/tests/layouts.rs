//! The layouts in which people have XAPI's files, made of the stand-in's pool: all give the same files of the same hosts.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panic")]

use archive::{Flow, Hosts, Kind, Layout, Limits, Modified, Report, Source, Walk};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use testkit::samples::{self, Pack};
use testkit::standin::StandIn;

/// What was found of a host: who says who it is, and by kind and name each file's length, unpacked.
type Found = BTreeMap<String, (Source, BTreeMap<String, u64>)>;

fn read(path: &Path) -> (Found, Report, Vec<Option<Modified>>) {
    let (layout, mut hosts, mut files, mut times) =
        (Layout::default(), Hosts::default(), Vec::new(), Vec::new());
    let report = Walk::new(Limits::default())
        .walk(path, &mut |member| {
            let Some(filed) = layout.classify(member.place()) else { return Ok(Flow::Continue) };
            hosts.add(&filed);
            let name = match &filed.kind {
                Kind::Trace { below } => {
                    format!("dt/{}", below.strip_prefix("zipkinv2/json/").unwrap_or(below))
                }
                Kind::Log(log) => log.plain(),
                Kind::Inventory => {
                    hosts.inventory(&filed.root, &member.text(1 << 16)?);
                    return Ok(Flow::Continue);
                }
                Kind::PoolConf => return Ok(Flow::Continue),
            };
            times.push(member.modified());
            let bytes = std::io::copy(&mut member.decoded()?, &mut std::io::sink())?;
            files.push((filed.root, name, bytes));
            Ok(Flow::Continue)
        })
        .unwrap();
    let resolved = hosts.resolve();
    let mut found = Found::new();
    for (root, name, bytes) in files {
        let host = &resolved.list()[resolved.of(&root).unwrap().0];
        let uuid = host.uuid.map_or("?".to_owned(), |uuid| uuid.to_string());
        let (_, files) = found.entry(uuid).or_insert((host.source, BTreeMap::new()));
        assert_eq!(files.insert(name.clone(), bytes), None, "{name} comes twice");
    }
    (found, report, times)
}

fn pool() -> (tempfile::TempDir, StandIn, Found) {
    let folder = tempfile::tempdir().unwrap();
    let pool = samples::pool(&folder.path().join("pool")).unwrap();
    let (found, report, _) = read(&folder.path().join("pool"));
    assert_eq!((report.broken_total, found.len()), (0, 3), "{report:?}");
    let names: Vec<&String> = found.values().flat_map(|(_, files)| files.keys()).collect();
    for part in [".zst", "xensource.log.2", "SMlog", "audit.log", ".ndjson"] {
        assert!(names.iter().any(|name| name.contains(part)), "no {part} in {names:?}");
    }
    (folder, pool, found)
}

#[test]
fn every_layout_has_the_same_files() {
    let (folder, pool, expected) = pool();
    let at = |name: &str| folder.path().join(name);
    samples::folder_tar_gz(&at("pool"), &at("all.tar.gz")).unwrap();
    samples::zip_of_reports(pool.hosts(), &at("three.zip")).unwrap();
    for path in [at("all.tar.gz"), at("three.zip")] {
        let (found, report, times) = read(&path);
        assert_eq!((&found, report.broken_total), (&expected, 0), "{}", path.display());
        assert!(times.iter().all(|time| matches!(time, Some(Modified::Utc(_)))));
    }
}

#[test]
fn one_host_in_each_pack() {
    let (folder, pool, expected) = pool();
    let host = &pool.hosts()[1];
    let alone = |source| Found::from([(host.uuid.clone(), (source, expected[&host.uuid].1.clone()))]);
    let mut archives = Vec::new();
    for pack in [Pack::Tar, Pack::TarBz2, Pack::Zip] {
        archives.push((samples::status_report(host, pack, folder.path()).unwrap(), Source::Inventory));
    }
    let xo = folder.path().join("logs.tgz");
    samples::xo_logs(host, &xo).unwrap();
    archives.push((xo, Source::TraceNames));
    for (path, source) in archives {
        let (found, report, times) = read(&path);
        assert_eq!(found, alone(source), "{}", path.display());
        assert_eq!((report.broken_total, report.archives), (0, 1));
        let local = times.iter().all(|time| matches!(time, Some(Modified::Local(_))));
        assert_eq!(local, path.extension().is_some_and(|end| end == "zip"), "{}", path.display());
    }
}

#[test]
fn what_is_not_packed_can_be_read_where_it_lies() {
    let (folder, pool, _) = pool();
    let report = samples::status_report(&pool.hosts()[0], Pack::Tar, folder.path()).unwrap();
    let mut seen = 0;
    for path in [report, pool.hosts()[0].root.clone()] {
        Walk::new(Limits::default())
            .walk(&path, &mut |member| {
                let slice = member.slice().unwrap().clone();
                let mut bytes = Vec::new();
                member.read_to_end(&mut bytes)?;
                let mut again = vec![0; bytes.len()];
                let mut at = 0;
                while at < again.len() {
                    at += slice.read_at(&mut again[at..], at as u64)?;
                }
                assert_eq!((again == bytes, slice.len()), (true, bytes.len() as u64), "{}", member.place());
                seen += 1;
                Ok(Flow::Continue)
            })
            .unwrap();
    }
    assert!(seen > 20);
}
