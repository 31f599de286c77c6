//! The only part that differs from release to release: how a trace is built, and what it consists of.
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(feature = "release-0-25")]
pub use {core_0_25 as core, processor_0_25 as processor};
#[cfg(feature = "release-0-36")]
pub use {core_0_36 as core, processor_0_36 as processor};
#[cfg(feature = "release-1-0")]
pub use {core_1_0 as core, processor_1_0 as processor};

#[cfg(feature = "release-0-25")]
pub use self::core::program::Kernel;
#[cfg(not(feature = "release-0-25"))]
pub use self::core::program::KernelDescriptor as Kernel;

#[cfg(not(feature = "release-1-0"))]
pub use self::core::crypto::hash::Poseidon2 as Hash;
#[cfg(feature = "release-1-0")]
pub use self::core::crypto::hash::Eidos as Hash;

use processor::{DefaultHost, ExecutionOptions, FastProcessor, StackInputs, trace::build_trace};

use crate::case::{Case, Res};

#[cfg(feature = "release-0-25")]
pub const RELEASE: &str = "0.25.8";
#[cfg(feature = "release-0-36")]
pub const RELEASE: &str = "0.36.3";
#[cfg(feature = "release-1-0")]
pub const RELEASE: &str = "1.0.0-rc.0";

pub struct Build {
    pub columns: Vec<Vec<u64>>,
    /// What the release's own constraint check says against the trace; None when it accepts it.
    pub rejection: Option<String>,
}

/// The trace of the case in fragments of `size` rows, or why there is none.
pub fn build(case: &Case, size: usize) -> Res<Build> {
    let mut host = DefaultHost::default();
    for library in &case.libraries {
        host.load_library(library.clone()).map_err(|e| format!("library: {e}"))?;
    }
    let stack = StackInputs::new(&case.stack).map_err(|e| e.to_string())?;
    let options = ExecutionOptions::default().with_core_trace_fragment_size(size).map_err(|e| e.to_string())?;
    let vm = FastProcessor::new_with_options(stack, case.advice.clone(), options).map_err(|e| e.to_string())?;
    #[cfg(feature = "release-0-25")]
    let witness = vm.execute_trace_inputs_sync(&case.program, &mut host).map_err(|e| format!("execution: {e}"))?;
    #[cfg(not(feature = "release-0-25"))]
    let (witness, _) =
        vm.execute_for_proving_sync(&case.program, &mut host).map_err(|e| format!("execution: {e}"))?.into_parts();
    let trace = build_trace(witness).map_err(|e| format!("build: {e}"))?;
    let rejection = catch_unwind(AssertUnwindSafe(|| trace.check_constraints())).err().map(crate::message);
    #[cfg(feature = "release-0-25")]
    let tables = {
        let (core, chiplets) = trace.into_core_chiplets_matrices();
        [core, chiplets]
    };
    #[cfg(feature = "release-0-36")]
    let tables = {
        let (core, chiplets, permutations) = trace.into_air_matrices();
        [core, chiplets, permutations]
    };
    #[cfg(feature = "release-1-0")]
    let tables = {
        let (core, chiplets, compressions, byte_pairs) = trace.into_air_matrices();
        [core, chiplets, compressions, byte_pairs]
    };
    let mut columns = Vec::new();
    for table in tables {
        for column in 0..table.width {
            let values = table.values.iter().skip(column).step_by(table.width);
            columns.push(values.map(|value| value.as_canonical_u64()).collect());
        }
    }
    Ok(Build { columns, rejection })
}
