//! Runs every script of `corpus/traceql`, over live data and over segments.
//!
//! `BLESS=1 cargo test -p throughline-query corpus` rewrites what the scripts expect.

use std::path::{Path, PathBuf};

use throughline_model::Tenant;
use throughline_query::SearchRequest;

use crate::script::{Item, Script, render};
use crate::stores::{ALL, TestStore};

fn scripts() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/traceql");
    let mut paths: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "test"));
    paths.sort();
    paths
}

async fn answers(script: &Script, flush: bool) -> Vec<Vec<String>> {
    let store = TestStore::open().await;
    store.spans(&script.spans).await;
    if flush {
        store.store.flush().await.unwrap();
    }
    let mut answers = Vec::new();
    for item in &script.items {
        let Item::Eval { limit, query, .. } = item else { continue };
        let request = SearchRequest {
            tenant: Tenant::default(),
            query: query.as_str().into(),
            time: ALL,
            limit: *limit,
            spans_per_spanset: 1_000,
        };
        answers.push(render(&store.engine().search(request).await));
    }
    answers
}

fn rewritten(script: &Script, answers: &[Vec<String>]) -> String {
    let mut answers = answers.iter();
    let mut text = String::new();
    for item in &script.items {
        match item {
            Item::Text(line) => text += &format!("{line}\n"),
            Item::Eval { line, .. } => {
                text += &format!("{line}\n");
                answers.next().unwrap().iter().for_each(|answer| text += &format!("  {answer}\n"));
            }
        }
    }
    text
}

async fn run(path: &Path) {
    let script = Script::parse(&std::fs::read_to_string(path).unwrap());
    let live = answers(&script, false).await;
    assert_eq!(live, answers(&script, true).await, "{}: live and stored differ", path.display());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, rewritten(&script, &live)).unwrap();
        return;
    }
    let mut live = live.into_iter();
    for item in &script.items {
        if let Item::Eval { line, expected, .. } = item {
            assert_eq!(&live.next().unwrap(), expected, "{}: {line}", path.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn every_script_gives_what_it_says() {
    let scripts = scripts();
    assert!(!scripts.is_empty());
    for path in scripts {
        run(&path).await;
    }
}
