//! The calls that the stand-in knows, as tables.

/// One step of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::standin) enum Step {
    /// Work in xapi under the task's id.
    Xapi(&'static str),
    /// An atom of xenopsd's plan.
    Atom(&'static str),
    /// The same, in a thread of its own: `Parallel:task=<n>.atoms=<k>.(…)`.
    Parallel(&'static str),
    /// A call of a storage plugin.
    Sm(&'static str),
    /// A call of the network daemon, which logs under the task's id.
    Net(&'static str),
    /// A call of this method as a task of its own, created by this one.
    Call(&'static str),
    /// A call of the cluster daemon.
    Cluster(&'static str),
}

/// How a method runs.
#[derive(Clone, Copy, Debug)]
pub(in crate::standin) struct Script {
    /// Without `Async.`.
    pub(in crate::standin) method: &'static str,
    /// xenopsd's operation.
    pub(in crate::standin) plan: Option<&'static str>,
    /// Its steps, in order; long operations go round.
    pub(in crate::standin) steps: &'static [Step],
    /// Usual seconds, from and to.
    pub(in crate::standin) seconds: (u64, u64),
    /// How often, against the others.
    pub(in crate::standin) weight: u64,
    /// Whether it may take longer than 10 minutes.
    pub(in crate::standin) may_be_long: bool,
    /// Whether it ends in an error.
    pub(in crate::standin) fails: bool,
}

const USUAL: Script = Script {
    method: "",
    plan: None,
    steps: &[],
    seconds: (1, 5),
    weight: 1,
    may_be_long: false,
    fails: false,
};

/// Every call.
pub(in crate::standin) const SCRIPTS: &[Script] = &[
    Script {
        method: "VM.start",
        plan: Some("VM_start"),
        steps: VM_START,
        seconds: (3, 25),
        weight: 6,
        ..USUAL
    },
    Script {
        method: "VM.start",
        plan: Some("VM_start"),
        steps: VM_START,
        seconds: (2, 20),
        weight: 1,
        fails: true,
        ..USUAL
    },
    Script {
        method: "VM.clean_shutdown",
        plan: Some("VM_poweroff"),
        steps: VM_SHUTDOWN,
        seconds: (8, 70),
        weight: 5,
        ..USUAL
    },
    Script {
        method: "VM.pool_migrate",
        plan: Some("VM_migrate"),
        steps: VM_MIGRATE,
        seconds: (15, 180),
        weight: 3,
        may_be_long: true,
        ..USUAL
    },
    Script { method: "VDI.create", steps: VDI_CREATE, seconds: (1, 6), weight: 5, ..USUAL },
    Script { method: "VDI.create", steps: VDI_CREATE, seconds: (1, 6), weight: 1, fails: true, ..USUAL },
    Script { method: "SR.scan", steps: SR_SCAN, seconds: (1, 9), weight: 7, ..USUAL },
    Script { method: "VM.snapshot", steps: VM_SNAPSHOT, seconds: (2, 15), weight: 4, ..USUAL },
    Script { method: "VDI.copy", steps: VDI_COPY, seconds: (20, 200), weight: 1, may_be_long: true, ..USUAL },
    Script {
        method: "host.evacuate",
        steps: EVACUATE,
        seconds: (620, 1_500),
        weight: 0,
        may_be_long: true,
        ..USUAL
    },
];

const VM_START: &[Step] = &[
    Step::Xapi("VM.assert_can_boot_here"),
    Step::Xapi("VM.update_allowed_operations"),
    Step::Sm("vdi_attach"),
    Step::Net("Bridge.add_port"),
    Step::Atom("VM.create"),
    Step::Parallel("VBD.plug RW"),
    Step::Sm("vdi_activate"),
    Step::Parallel("VBD.plug RO"),
    Step::Atom("VIF.plug"),
    Step::Atom("VM.build"),
    Step::Atom("VM.create_device_model"),
    Step::Atom("VM.unpause"),
    Step::Xapi("VM.set_power_state"),
];

const VM_SHUTDOWN: &[Step] = &[
    Step::Xapi("VM.assert_power_state_is"),
    Step::Atom("VM.hook_script"),
    Step::Atom("VM.shutdown_domain"),
    Step::Atom("VM.destroy_device_model"),
    Step::Parallel("VBD.unplug"),
    Step::Sm("vdi_deactivate"),
    Step::Sm("vdi_detach"),
    Step::Atom("VIF.unplug"),
    Step::Atom("VM.destroy"),
    Step::Net("Bridge.remove_port"),
    Step::Xapi("VM.update_allowed_operations"),
];

const VM_MIGRATE: &[Step] = &[
    Step::Xapi("VM.assert_can_be_migrated"),
    Step::Xapi("Message_forwarding.reserve_memory_for_vm"),
    Step::Net("Bridge.add_port"),
    Step::Atom("VM.receive_memory"),
    Step::Atom("VM.save"),
    Step::Parallel("VBD.unplug"),
    Step::Sm("vdi_deactivate"),
    Step::Parallel("VBD.plug RW"),
    Step::Atom("VIF.move"),
    Step::Atom("VM.restore"),
    Step::Xapi("VM.set_resident_on"),
];

const VDI_CREATE: &[Step] = &[
    Step::Xapi("SR.assert_can_run_vdi_create"),
    Step::Sm("vdi_create"),
    Step::Xapi("VDI.update_allowed_operations"),
];

const SR_SCAN: &[Step] = &[
    Step::Xapi("SR.update_allowed_operations"),
    Step::Sm("sr_scan"),
    Step::Sm("vdi_update"),
    Step::Cluster("cluster.stat"),
    Step::Sm("sr_update"),
];

const VM_SNAPSHOT: &[Step] = &[
    Step::Xapi("VM.assert_operation_valid"),
    Step::Sm("vdi_snapshot"),
    Step::Xapi("VBD.copy_vbds"),
    Step::Sm("vdi_snapshot"),
    Step::Xapi("VIF.copy"),
    Step::Xapi("VM.set_suspend_VDI"),
];

const VDI_COPY: &[Step] = &[
    Step::Sm("vdi_create"),
    Step::Sm("vdi_attach"),
    Step::Xapi("VDI.copy_data"),
    Step::Xapi("Sparse_dd_wrapper.dd"),
    Step::Sm("vdi_detach"),
];

const EVACUATE: &[Step] = &[
    Step::Xapi("Host.compute_evacuation_plan"),
    Step::Call("VM.pool_migrate"),
    Step::Xapi("Host.get_vms_which_prevent_evacuation"),
    Step::Call("VM.pool_migrate"),
    Step::Call("VM.pool_migrate"),
];
