//! Reads a case. Children stand before their parents, and a library may name nodes of later ones only.
use std::sync::Arc;

use serde_json::Value;

use crate::release::{Hash, Kernel, core::{
    Felt, Word,
    advice::{AdviceInputs, AdviceMap},
    crypto::merkle::{InnerNodeInfo, MerkleStore},
    mast::*,
    operations::Operation,
    program::Program,
}};

pub type Res<T> = Result<T, String>;

/// A forest, and the id that each node of the case has in it.
struct Library {
    forest: Arc<MastForest>,
    ids: Vec<MastNodeId>,
}

/// What names of the case may stand for at one place: nodes of this forest so far, and later libraries.
#[derive(Clone, Copy)]
struct Scope<'a> {
    forest: &'a MastForest,
    ids: &'a [MastNodeId],
    libraries: &'a [Option<Library>],
}

pub struct Case {
    pub program: Program,
    pub libraries: Vec<Arc<MastForest>>,
    pub stack: Vec<Felt>,
    pub advice: AdviceInputs,
    /// Fragment sizes, one build each.
    pub sizes: Vec<usize>,
}

pub fn read(document: &Value) -> Res<Case> {
    known(document, &["format", "name", "about", "program", "libraries", "stack", "advice", "cuts"])?;
    let given = list(&document["libraries"]);
    let mut libraries: Vec<Option<Library>> = given.iter().map(|_| None).collect();
    for index in (0..given.len()).rev() {
        let (forest, ids) = forest(&given[index], &libraries)?;
        libraries[index] = Some(Library { forest: Arc::new(forest), ids });
    }
    let (forest, ids) = forest(&document["program"], &libraries)?;
    let scope = Scope { forest: &forest, ids: &ids, libraries: &libraries };
    let stack = list(&document["stack"]).iter().map(|value| scope.element(value)).collect::<Res<_>>()?;
    let procedures = list(&document["program"]["kernel"]).iter().map(|value| scope.word(value.as_str().unwrap_or_default()));
    let kernel = Kernel::new(&procedures.collect::<Res<Vec<_>>>()?).map_err(|e| e.to_string())?;
    let entry = document["program"]["entry"].as_u64().and_then(|number| ids.get(number as usize).copied()).ok_or("no entry")?;
    if !forest.is_procedure_root(entry) {
        return Err("the entry is no root".into());
    }
    let program = Program::with_kernel(Arc::new(forest), entry, kernel);
    let libraries = libraries.into_iter().flatten().map(|library| library.forest).collect();
    Ok(Case { program, libraries, stack, advice: advice(&document["advice"])?, sizes: sizes(&document["cuts"])? })
}

/// Whatever is left out must be refused: a program that runs without it is another program.
fn known(object: &Value, names: &[&str]) -> Res<()> {
    let keys = object.as_object().into_iter().flatten().map(|(key, _)| key);
    keys.filter(|key| !names.contains(&key.as_str())).map(|key| Err(format!("{key} is not supported"))).collect()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn sizes(cuts: &Value) -> Res<Vec<usize>> {
    let size = |cut: &Value| {
        cut.as_u64().or_else(|| cut["every"].as_u64()).map(|n| n as usize).ok_or("only multiples of a size can be cut at".to_string())
    };
    if cuts.is_null() { Ok(vec![4096]) } else { list(cuts).iter().map(size).collect() }
}

// ---- numbers, words, names ------------------------------------------------------------------------------------------

fn felt(value: u64) -> Res<Felt> {
    if value < 0xffff_ffff_0000_0001 { Ok(Felt::new_unchecked(value)) } else { Err(format!("{value} is no field element")) }
}

/// `0x` and 64 hex digits: element 0 first, each as 8 little-endian bytes.
fn word(text: &str) -> Res<Word> {
    let digits = text.strip_prefix("0x").filter(|d| d.len() == 64 && d.is_ascii()).ok_or_else(|| format!("{text} is no word"))?;
    let part = |at: usize| u64::from_str_radix(&digits[16 * at..16 * at + 16], 16).map_err(|e| format!("{text}: {e}"));
    let parts = (0..4).map(|at| felt(part(at)?.swap_bytes())).collect::<Res<Vec<_>>>()?;
    Ok(Word::new([parts[0], parts[1], parts[2], parts[3]]))
}

impl Scope<'_> {
    /// The digest of `NODE` of this forest or of `LIBRARY:NODE`.
    fn named(self, name: &str) -> Res<Word> {
        let number = |text: &str| text.parse::<usize>().map_err(|e| format!("@{name}: {e}"));
        let (forest, ids, node) = match name.split_once(':') {
            None => (self.forest, self.ids, number(name)?),
            Some((library, node)) => {
                let found = self.libraries.get(number(library)?).and_then(Option::as_ref);
                let library = found.ok_or_else(|| format!("@{name}: there is no such later library"))?;
                (&*library.forest, &*library.ids, number(node)?)
            },
        };
        let id = ids.get(node).ok_or_else(|| format!("@{name}: there is no such node yet"))?;
        Ok(forest[*id].digest())
    }

    /// `@NAME`, or a word in hex.
    fn word(self, text: &str) -> Res<Word> {
        text.strip_prefix('@').map_or_else(|| word(text), |name| self.named(name))
    }

    /// A number, or `@NAME.ELEMENT`.
    fn element_of(self, text: &str) -> Res<Felt> {
        let Some(name) = text.strip_prefix('@') else {
            return text.parse().map_err(|e| format!("{text}: {e}")).and_then(felt);
        };
        let (name, at) = name.split_once('.').ok_or_else(|| format!("{text}: expected @NAME.ELEMENT"))?;
        let at: usize = at.parse().map_err(|e| format!("{text}: {e}"))?;
        self.named(name)?.as_elements().get(at).copied().ok_or_else(|| format!("{text}: a word has 4 elements"))
    }

    fn element(self, value: &Value) -> Res<Felt> {
        match value.as_str() {
            Some(text) => self.element_of(text),
            None => value.as_u64().ok_or_else(|| format!("{value} is no number")).and_then(felt),
        }
    }
}

fn numbers(value: &Value) -> Res<Vec<Felt>> {
    list(value).iter().map(|v| v.as_u64().ok_or_else(|| format!("{v} is no number")).and_then(felt)).collect()
}

fn map(value: &Value) -> Res<Vec<(Word, Vec<Felt>)>> {
    value.as_object().into_iter().flatten().map(|(key, values)| Ok((word(key)?, numbers(values)?))).collect()
}

fn advice(value: &Value) -> Res<AdviceInputs> {
    known(value, &["stack", "map", "store"])?;
    let pairs = list(&value["store"]).iter().map(|pair| {
        let side = |at: usize| word(pair[at].as_str().unwrap_or_default());
        let (left, right) = (side(0)?, side(1)?);
        Ok(InnerNodeInfo { value: Hash::merge(&[left, right]), left, right })
    });
    let mut store = MerkleStore::new();
    store.extend(pairs.collect::<Res<Vec<_>>>()?);
    let stack = numbers(&value["stack"])?;
    #[cfg(not(feature = "release-0-25"))]
    let stack = crate::release::core::advice::AdviceStack::from(stack);
    Ok(AdviceInputs::default().with_stack(stack).with_map(map(&value["map"])?).with_merkle_store(store))
}

// ---- forests --------------------------------------------------------------------------------------------------------

fn forest(value: &Value, libraries: &[Option<Library>]) -> Res<(MastForest, Vec<MastNodeId>)> {
    known(value, &["nodes", "roots", "entry", "kernel", "advice_map"])?;
    let mut forest = MastForest::new();
    let mut ids: Vec<MastNodeId> = vec![];
    for (at, text) in list(&value["nodes"]).iter().enumerate() {
        let text = text.as_str().ok_or("a node is a string")?;
        ids.push(node(text, &mut forest, &ids, libraries).map_err(|e| format!("node {at}: {e}"))?);
    }
    for root in list(&value["roots"]) {
        let id = root.as_u64().and_then(|number| ids.get(number as usize));
        forest.make_root(*id.ok_or_else(|| format!("root {root}: there is no such node"))?);
    }
    let entries = map(&value["advice_map"])?;
    if entries.is_empty() {
        return Ok((forest, ids));
    }
    let mut advice_map = AdviceMap::default();
    advice_map.extend(entries);
    Ok((forest.with_advice_map(advice_map), ids))
}

fn node(text: &str, forest: &mut MastForest, ids: &[MastNodeId], libraries: &[Option<Library>]) -> Res<MastNodeId> {
    let mut words = text.split_whitespace();
    let kind = words.next().ok_or("an empty node")?;
    let rest: Vec<&str> = words.collect();
    let child = |at: usize| -> Res<MastNodeId> {
        let number: usize = rest.get(at).ok_or("a child is missing")?.parse().map_err(|e| format!("{e}"))?;
        ids.get(number).copied().ok_or_else(|| format!("child {number} is not listed before it"))
    };
    let scope = Scope { forest: &*forest, ids, libraries };
    let added = match kind {
        "block" => {
            let operations = rest.iter().map(|each| operation(each, scope)).collect::<Res<_>>()?;
            BasicBlockNodeBuilder::new(operations).add_to_forest(forest)
        },
        "external" => {
            let digest = scope.word(rest.first().ok_or("an external node needs a target")?)?;
            ExternalNodeBuilder::new(digest).add_to_forest(forest)
        },
        "join" => JoinNodeBuilder::new([child(0)?, child(1)?]).add_to_forest(forest),
        "split" => SplitNodeBuilder::new([child(0)?, child(1)?]).add_to_forest(forest),
        "loop" => return guarded_loop(child(0)?, forest).map_err(|e| e.to_string()),
        "call" => CallNodeBuilder::new(child(0)?).add_to_forest(forest),
        "syscall" => CallNodeBuilder::new_syscall(child(0)?).add_to_forest(forest),
        "dyn" => DynNodeBuilder::new_dyn().add_to_forest(forest),
        "dyncall" => DynNodeBuilder::new_dyncall().add_to_forest(forest),
        other => return Err(format!("there is no kind {other}")),
    };
    added.map_err(|e| e.to_string())
}

/// These releases run a loop's body before they ask for the condition; a case asks first, so a branch stands before the loop.
fn guarded_loop(body: MastNodeId, forest: &mut MastForest) -> Result<MastNodeId, MastForestError> {
    let repeated = LoopNodeBuilder::new(body).add_to_forest(forest)?;
    let nothing = BasicBlockNodeBuilder::new(vec![Operation::Noop]).add_to_forest(forest)?;
    SplitNodeBuilder::new([repeated, nothing]).add_to_forest(forest)
}

fn operation(text: &str, scope: Scope) -> Res<Operation> {
    let (name, immediate) = text.split_once('(').map_or((text, "0"), |(name, rest)| (name, rest.trim_end_matches(')')));
    let immediate = scope.element_of(immediate)?;
    Ok(match name {
        "NOOP" => Operation::Noop,
        "EQZ" => Operation::Eqz,
        "NEG" => Operation::Neg,
        "INV" => Operation::Inv,
        "INCR" => Operation::Incr,
        "NOT" => Operation::Not,
        "MLOAD" => Operation::MLoad,
        "SWAP" => Operation::Swap,
        "CALLER" => Operation::Caller,
        "MOVUP2" => Operation::MovUp2,
        "MOVDN2" => Operation::MovDn2,
        "MOVUP3" => Operation::MovUp3,
        "MOVDN3" => Operation::MovDn3,
        "ADVPOPW" => Operation::AdvPopW,
        "EXPACC" => Operation::Expacc,
        "MOVUP4" => Operation::MovUp4,
        "MOVDN4" => Operation::MovDn4,
        "MOVUP5" => Operation::MovUp5,
        "MOVDN5" => Operation::MovDn5,
        "MOVUP6" => Operation::MovUp6,
        "MOVDN6" => Operation::MovDn6,
        "MOVUP7" => Operation::MovUp7,
        "MOVDN7" => Operation::MovDn7,
        "SWAPW" => Operation::SwapW,
        "EXT2MUL" => Operation::Ext2Mul,
        "MOVUP8" => Operation::MovUp8,
        "MOVDN8" => Operation::MovDn8,
        "SWAPW2" => Operation::SwapW2,
        "SWAPW3" => Operation::SwapW3,
        "SWAPDW" => Operation::SwapDW,
        "EMIT" => Operation::Emit,
        "ASSERT" => Operation::Assert(immediate),
        "EQ" => Operation::Eq,
        "ADD" => Operation::Add,
        "MUL" => Operation::Mul,
        "AND" => Operation::And,
        "OR" => Operation::Or,
        "U32AND" => Operation::U32and,
        "U32XOR" => Operation::U32xor,
        "FRIE2F4" => Operation::FriE2F4,
        "DROP" => Operation::Drop,
        "CSWAP" => Operation::CSwap,
        "CSWAPW" => Operation::CSwapW,
        "MLOADW" => Operation::MLoadW,
        "MSTORE" => Operation::MStore,
        "MSTOREW" => Operation::MStoreW,
        "PAD" => Operation::Pad,
        "DUP0" => Operation::Dup0,
        "DUP1" => Operation::Dup1,
        "DUP2" => Operation::Dup2,
        "DUP3" => Operation::Dup3,
        "DUP4" => Operation::Dup4,
        "DUP5" => Operation::Dup5,
        "DUP6" => Operation::Dup6,
        "DUP7" => Operation::Dup7,
        "DUP9" => Operation::Dup9,
        "DUP11" => Operation::Dup11,
        "DUP13" => Operation::Dup13,
        "DUP15" => Operation::Dup15,
        "ADVPOP" => Operation::AdvPop,
        "SDEPTH" => Operation::SDepth,
        "CLK" => Operation::Clk,
        "U32ADD" => Operation::U32add,
        "U32SUB" => Operation::U32sub,
        "U32MUL" => Operation::U32mul,
        "U32DIV" => Operation::U32div,
        "U32SPLIT" => Operation::U32split,
        "U32ASSERT2" => Operation::U32assert2(immediate),
        "U32ADD3" => Operation::U32add3,
        "U32MADD" => Operation::U32madd,
        #[cfg(not(feature = "release-1-0"))]
        "HPERM" => Operation::HPerm,
        // The compression has the opcode of the permutation, and reads and leaves the same twelve elements.
        #[cfg(feature = "release-1-0")]
        "HPERM" => Operation::Compress,
        "MPVERIFY" => Operation::MpVerify(immediate),
        "PIPE" => Operation::Pipe,
        "MSTREAM" => Operation::MStream,
        "HORNEREXT" => Operation::HornerExt,
        "PUSH" => Operation::Push(immediate),
        "EVALCIRCUIT" => Operation::EvalCircuit,
        "MRUPDATE" => Operation::MrUpdate,
        "HORNERBASE" => Operation::HornerBase,
        #[cfg(feature = "release-0-25")]
        "LOGPRECOMPILE" => Operation::LogPrecompile,
        #[cfg(not(feature = "release-0-25"))]
        "LOGDEFERRED" => Operation::LogDeferred,
        other => return Err(format!("there is no operation {other}")),
    })
}
