//! What programs say between the lines that matter.

use super::draft::{Draft, Voice};
use crate::standin::line::{Program, Shape};
use crate::standin::time::SimTime;

type Phrase = (&'static str, &'static str, &'static str);

/// In these texts `%V` is the VM's uuid, `%D` the disk's, `%S` the storage repository's, `%R` some reference,
/// `%N` a number, `%K` a password.
const XAPI: &[Phrase] = &[
    ("debug", "xmlrpc_client", "stunnel pid: %N (cached = true) connected to 10.0.0.17:443"),
    ("debug", "xmlrpc_client", "with_recorded_stunnelpid task_opt=OpaqueRef:%R s_pid=%N"),
    ("debug", "audit", "VBD.create: VM = '%V (examplevm.domain.loc)'; VDI = '%D'"),
    ("info", "storage_impl", "VDI.attach3 task:OpaqueRef:%R dp:vbd/3/xvda sr:%S vdi:%D read_write:true"),
    (
        "debug",
        "storage_impl",
        "VDI.stat dbg sr:%S vdi_info:{\"vdi\": \"%D\", \"name_label\": \"Système [web] été\", \"ty\": \"user\", \"virtual_size\": 25778192384}",
    ),
    ("debug", "xapi_vm_helpers", "VM %V: host free memory %N, memory_static_max %N; host OpaqueRef:%R"),
    (
        "warn",
        "xapi_vm_lifecycle",
        "Could not find datatype of operation on %V: C:\\windows\\system32 in the guest's agent",
    ),
    ("debug", "mscgen", "xapi=>xapi [label=\"network.attach_for_vm\"];"),
    (
        "debug",
        "xapi_xenops",
        "xenops: VM.stat %V: {\"domids\": [%N], \"consoles\": [{\"protocol\": \"Vncsoft\", \"port\": 0, \"path\": \"/var/run/xen/vnc-%N\"}], \"memory_target\": 4294967296}",
    ),
    (
        "info",
        "xapi_sr",
        "SR.probe device_config: server=10.0.0.9; username=root; password=SECRET-%K; SCSIid=36001405",
    ),
    ("debug", "api_effect", "VM.set_blocked_operations %V by session_id=OpaqueRef:%R"),
    (
        "debug",
        "taskhelper",
        "the status of R:%N is: success; progress 1.0; result <value>OpaqueRef:%R</value>\nnext line",
    ),
];

const XENOPSD: &[Phrase] = &[
    (
        "debug",
        "xenops_server",
        "Performing: [\"VBD_plug\", [\"%V\", \"xvda\"], {\"backend\": [\"VDI\", \"%S/%D\"], \"mode\": \"ReadWrite\", \"qos\": null}]",
    ),
    ("debug", "xenops", "About to write to /vm/%V/domains/%N/create-time (%N)"),
    ("debug", "xenops_server", "VM_DB.signal %V"),
    ("info", "xenops", "VM = %V; domid = %N; Domain.build: memory_max 4194304 KiB, vcpus 4"),
    (
        "debug",
        "xenops",
        "Device.Generic.hard_shutdown about to blow away backend and error paths for vbd %N/768 of %V",
    ),
    ("error", "xenops", "Failed to read /vm/%V/domains: has this domain already been cleaned up?"),
    (
        "debug",
        "hotplug",
        "Hotplug.wait_for_plug: frontend (domid=%N | kind=vbd | devid=768); backend (domid=0 | kind=vbd3 | devid=768)",
    ),
    (
        "debug",
        "xenstore",
        "Xenstore-watch /local/domain/%N/device/vbd/768/state = 4 (Connected) after %N ms for %V",
    ),
];

const NETWORKD: &[Phrase] = &[
    (
        "debug",
        "network_utils",
        "ovs-vsctl --timeout=20 -- --may-exist add-port xapi0 vif%N.0 -- set interface vif%N.0 external-ids:xs-vm-uuid=%V external-ids:attached-mac=7a:5c:ea:b9:00:36",
    ),
    ("info", "network_server", "Configuring bridge xapi0 for network %S: mtu 1500, vlan none, ipv6 disabled"),
];

const DAEMON: &[Phrase] = &[
    (
        "debug",
        "xapi",
        "Received RRD %D of host, %N data sources, flushing to /var/xapi/blobs/rrds after %N seconds",
    ),
    (
        "debug",
        "memory",
        "Domain %N free_memory_kib=%N dynamic_min=2097152 dynamic_max=4194304 target=4194304 inaccuracy=132",
    ),
    (
        "debug",
        "rrdd_server",
        "Plugin xcp-rrdd-iostat: read payload of %N bytes, checksum ok, next reading in 5.0 seconds for domain %V",
    ),
    (
        "info",
        "db_gc",
        "Pool.db_gc: checked sessions, tasks and metrics; removed %N finished tasks older than %N seconds",
    ),
];

/// One of the phrases that fit this voice.
pub(super) fn phrase(draft: &mut Draft<'_>, voice: &Voice, at: SimTime) {
    let table = match voice.program {
        Program::Xapi if !voice.task.is_empty() => XAPI,
        Program::Xenopsd if !voice.task.is_empty() => XENOPSD,
        Program::Networkd => NETWORKD,
        _ => DAEMON,
    };
    let Some((level, module, text)) = draft.rng.choose(table).copied() else { return };
    let body = filled(draft, text);
    let repeated = draft.rng.chance(0.01);
    let shape = if repeated { Shape::Repeated(2 + body.len() as u32 % 40) } else { Shape::Usual };
    draft.say_shaped(voice, at, (level, module), body, shape);
}

/// A text with its places filled.
fn filled(draft: &mut Draft<'_>, text: &str) -> String {
    let mut parts = text.split('%');
    let mut out = String::with_capacity(text.len() + 80);
    out.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let value = match part.as_bytes().first() {
            Some(b'V') => draft.vm.clone(),
            Some(b'D') => draft.vdi.clone(),
            Some(b'S') => draft.sr.clone(),
            Some(b'R') => draft.rng.uuid(),
            Some(b'K') => draft.counters.secret().to_string(),
            _ => draft.rng.range(1, 99_999).to_string(),
        };
        out.push_str(&value);
        out.push_str(part.get(1..).unwrap_or_default());
    }
    out
}
