//! A later release of the VM as an engine: a case a line in, a record a line out.
//!
//! The release has another hash and another trace than the engines of fragdiff, so its record says how the builds of one case
//! relate to each other: `fragments` has a member for each fragment size, with the column digests of that build, the cells
//! that differ from the first completed one, and whether the release's own constraint check accepts the trace.
//!
//! Digests differ with the hash, so a case names procedures: `external @LIBRARY:NODE`, `PUSH(@LIBRARY:NODE.ELEMENT)`, a stack
//! input "@NODE.ELEMENT", a kernel procedure "@NODE". What a case says that is not understood here is refused, not left out.
mod case;
mod release;

use std::{
    collections::BTreeMap,
    io::{BufRead, Write},
    panic::{AssertUnwindSafe, catch_unwind},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use case::{Case, Res};
use release::{Build, RELEASE};

/// Rows that are listed for a column that differs.
const SHOWN_ROWS: usize = 8;

fn digest(column: &[u64]) -> String {
    let mut hash = Sha256::new();
    for value in column {
        hash.update(value.to_le_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Column number -> how many rows differ, and the first of them.
fn differences(one: &Build, other: &Build) -> BTreeMap<usize, Value> {
    let columns = one.columns.iter().zip(&other.columns).enumerate();
    columns
        .filter_map(|(number, (x, y))| {
            let rows: Vec<usize> = (0..x.len().max(y.len())).filter(|row| x.get(*row) != y.get(*row)).collect();
            let shown = &rows[..rows.len().min(SHOWN_ROWS)];
            (!rows.is_empty()).then(|| (number, json!({"count": rows.len(), "rows": shown})))
        })
        .collect()
}

/// What a panic said.
fn message(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string())).unwrap_or_default()
}

/// One build; `first` is the first completed one, which later ones are compared with.
fn fragment(case: &Case, size: usize, first: &mut Option<Build>) -> Value {
    match catch_unwind(AssertUnwindSafe(|| release::build(case, size))) {
        Err(panic) => json!({"fragment": size, "status": "panicked", "message": message(panic)}),
        Ok(Err(reason)) => json!({"fragment": size, "status": "failed", "message": reason}),
        Ok(Ok(build)) => {
            let differing = first.as_ref().map(|one| differences(one, &build)).unwrap_or_default();
            let columns: Vec<String> = build.columns.iter().map(|column| digest(column)).collect();
            let record = json!({
                "fragment": size,
                "status": "completed",
                "constraints": build.rejection.is_none(),
                "rejection": build.rejection,
                "differences": differing,
                "columns": columns,
            });
            first.get_or_insert(build);
            record
        },
    }
}

fn record(line: &str) -> Res<Value> {
    let document: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
    let case = case::read(&document)?;
    let mut first = None;
    let fragments: Vec<Value> = case.sizes.iter().map(|size| fragment(&case, *size, &mut first)).collect();
    Ok(json!({"name": document["name"], "release": RELEASE, "fragments": fragments}))
}

fn main() {
    // A panic is an answer: it stands in the record and not on standard error as well.
    std::panic::set_hook(Box::new(|_| {}));
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        if line.trim().is_empty() {
            continue;
        }
        // A node that is invalid for the release may panic while the case is read.
        let answer = match catch_unwind(AssertUnwindSafe(|| record(&line))) {
            Ok(Ok(record)) => record,
            Ok(Err(reason)) => json!({"rejected": reason}),
            Err(panic) => json!({"rejected": format!("panicked while the case was read: {}", message(panic))}),
        };
        let mut out = std::io::stdout().lock();
        if writeln!(out, "{answer}").and_then(|()| out.flush()).is_err() {
            break;
        }
    }
}
