//! Every flag of every container, whatever the chart is told, is one that its program has; also of those that cannot be run here, for
//! want of a GPU.

use std::{collections::BTreeSet, path::Path};

use anyhow::{Context, Result};
use specfuse_tests::{
    chart::{Played, objects, played, pod},
    program,
};

use super::{NEWEST, all_values, chart};
use crate::PROGRAM;

#[tokio::test(flavor = "multi_thread")]
async fn every_flag_is_one_that_its_program_takes() -> Result<()> {
    let Some(chart) = chart().await else { return Ok(()) };
    let mut lines = BTreeSet::new();
    for values in all_values(&chart) {
        let objects = objects(&chart.render(NEWEST, &values).await?)?;
        for spec in objects.iter().filter_map(pod) {
            let lists = ["initContainers", "containers"].iter().filter_map(|list| spec.get(list)?.as_array());
            for container in lists.flatten() {
                let Played::Ours(role) = played(container)? else { continue };
                let arguments =
                    container.get("args").and_then(|arguments| arguments.as_array()).context("no arguments")?;
                let words = arguments.iter().filter_map(|argument| argument.as_str());
                lines.insert(role.into_iter().chain(words).map(str::to_owned).collect::<Vec<_>>());
            }
        }
    }
    assert!(lines.len() > 10, "{lines:?}");
    for line in &lines {
        // It is told only once everything before it has been understood.
        let asked = |last| line.iter().map(String::as_str).chain([last]).collect::<Vec<_>>();
        let told = program::run(Path::new(PROGRAM), &asked("--help")).await?;
        assert!(told.code == Some(0) && told.stdout.contains("Usage:"), "{line:?}: {told:?}");
        let refused = program::run(Path::new(PROGRAM), &[&asked("--unheard-of")[..], &["--help"]].concat()).await?;
        assert_eq!(refused.code, Some(2), "{refused:?}");
    }
    Ok(())
}
