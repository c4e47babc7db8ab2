//! The documentation keeps its word: links lead somewhere, commands that it quotes have flags that the programs know, and its example
//! values are ones that the chart takes.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use specfuse_tests::program;

use crate::{PROGRAM, chart};

/// A cluster that has all that the chart can make use of.
const KUBERNETES: &str = "1.35.0";
/// Begins example values.
const VALUES: &str = "# values\n";

struct Document {
    path: PathBuf,
    text: String,
}

fn root() -> Result<PathBuf> {
    Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?)
}

fn documents() -> Result<Vec<Document>> {
    let root = root()?;
    let mut paths = vec![root.join("README.md"), root.join("ARCHITECTURE.md")];
    for entry in fs::read_dir(root.join("docs"))? {
        paths.push(entry?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.sort();
    paths.into_iter().map(|path| Ok(Document { text: fs::read_to_string(&path)?, path })).collect()
}

impl Document {
    fn name(&self) -> std::borrow::Cow<'_, str> {
        self.path.file_name().unwrap_or_default().to_string_lossy()
    }

    /// The fenced blocks of a language.
    fn blocks(&self, language: &str) -> Vec<String> {
        let fenced = self.text.split("```").skip(1).step_by(2);
        let begins = format!("{language}\n");
        fenced.filter_map(|block| block.strip_prefix(&begins)).map(str::to_owned).collect()
    }

    /// What is not fenced.
    fn prose(&self) -> String {
        self.text.split("```").step_by(2).collect()
    }

    /// Of all links in it, to files and headings of ours.
    fn targets(&self) -> Vec<String> {
        let prose = self.prose();
        let targets = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        targets.filter(|target| !target.contains("://") && !target.starts_with("mailto:")).map(str::to_owned).collect()
    }

    /// By what links call its headings.
    fn headings(&self) -> BTreeSet<String> {
        let mut met = BTreeMap::new();
        let prose = self.prose();
        let titles =
            prose.lines().filter_map(|line| Some(line.trim_start_matches('#').trim()).filter(|title| *title != line));
        titles.map(|title| unique(&mut met, slug(title))).collect()
    }
}

/// As GitHub makes it of a heading.
fn slug(title: &str) -> String {
    let kept = title.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn unique(met: &mut BTreeMap<String, usize>, slug: String) -> String {
    let count = met.entry(slug.clone()).or_default();
    *count += 1;
    if *count == 1 { slug } else { format!("{slug}-{}", *count - 1) }
}

#[test]
fn every_link_of_the_documentation_leads_somewhere() -> Result<()> {
    let documents = documents()?;
    let mut links = 0;
    let mut dead = Vec::new();
    for document in &documents {
        for target in document.targets() {
            links += 1;
            let (file, heading) = target.split_once('#').unwrap_or((&target, ""));
            let path = document.path.parent().context("no folder")?.join(file);
            let path = if file.is_empty() { document.path.clone() } else { path };
            let led = fs::canonicalize(path).ok();
            let other = led.as_ref().and_then(|led| documents.iter().find(|other| other.path == *led));
            // Of files that are none of these the headings are not read.
            let is_heading = heading.is_empty()
                || other.map_or_else(|| is_in(led.as_deref(), heading), |other| other.headings().contains(heading));
            if led.is_none() || !is_heading {
                dead.push(format!("{}: {target}", document.name()));
            }
        }
    }
    assert!(dead.is_empty(), "links that lead nowhere:\n{}", dead.join("\n"));
    assert!(links > 50, "{links} links only");
    Ok(())
}

/// Whether another file of ours has the heading.
fn is_in(led: Option<&Path>, heading: &str) -> bool {
    let read = |path: &Path| Some(Document { text: fs::read_to_string(path).ok()?, path: path.to_owned() });
    led.and_then(read).is_some_and(|document| document.headings().contains(heading))
}

/// What the programs say of themselves.
#[derive(Default)]
struct Help(HashMap<Vec<String>, String>);

impl Help {
    async fn of(&mut self, command: &[String]) -> Result<&str> {
        if !self.0.contains_key(command) {
            let words: Vec<&str> = command.iter().map(String::as_str).chain(["--help"]).collect();
            let ran = program::run(Path::new(PROGRAM), &words).await?;
            assert_eq!(ran.code, Some(0), "{command:?}: {ran:?}");
            self.0.insert(command.to_vec(), ran.stdout);
        }
        self.0.get(command).map(String::as_str).context("no help")
    }

    /// The flags of a command line, without the program's name, that its command does not have.
    async fn unknown(&mut self, words: &[String]) -> Result<Vec<String>> {
        let mut command = Vec::new();
        for word in words {
            if !commands(self.of(&command).await?).contains(word.as_str()) {
                break;
            }
            command.push(word.clone());
        }
        let help = self.of(&command).await?;
        let known: BTreeSet<&str> = help.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').collect();
        let flags = words.iter().filter(|word| word.starts_with("--")).filter_map(|word| word.split('=').next());
        Ok(flags.filter(|flag| !known.contains(flag)).map(|flag| format!("{command:?} {flag}")).collect())
    }
}

fn commands(help: &str) -> BTreeSet<&str> {
    let listed = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    listed.lines().filter_map(|line| line.split_whitespace().next()).collect()
}

/// The command lines of our programs in a block, each without the program's name.
fn quoted(block: &str) -> Vec<Vec<String>> {
    let lines = block.replace("\\\n", " ");
    let commands = lines.lines().flat_map(|line| {
        let words = words(line);
        words.split(|word| is_between(word)).map(<[String]>::to_vec).collect::<Vec<_>>()
    });
    commands.filter_map(|words| ours(&words)).collect()
}

/// What may stand before a command.
fn is_between(word: &str) -> bool {
    matches!(word, "|" | "||" | "&&" | ";" | "&" | "do" | "then")
}

fn ours(words: &[String]) -> Option<Vec<String>> {
    let at = words.iter().position(|word| !word.contains('=') || word.starts_with('-'))?;
    let role = match words.get(at)?.rsplit('/').next()? {
        "specfuse" => None,
        "specfuse-worker" => Some("worker"),
        "specfuse-coordinator" => Some("coordinator"),
        _ => return None,
    };
    Some(role.map(str::to_owned).into_iter().chain(words.get(at + 1..)?.iter().cloned()).collect())
}

/// As a shell has them, up to a comment.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut quote = None;
    let mut word: Option<String> = None;
    for c in line.chars() {
        match quote {
            Some(mark) if c == mark => quote = None,
            None if c == '#' && word.is_none() => break,
            None if c.is_whitespace() => words.extend(word.take()),
            None if matches!(c, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            Some(_) | None => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_the_documentation_quotes_have_flags_that_there_are() -> Result<()> {
    let mut help = Help::default();
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in documents()? {
        for command in document.blocks("sh").iter().flat_map(|block| quoted(block)) {
            count += 1;
            let unknown = help.unknown(&command).await?;
            wrong.extend(unknown.into_iter().map(|flag| format!("{}: {flag}", document.name())));
        }
    }
    assert!(wrong.is_empty(), "flags that there are not:\n{}", wrong.join("\n"));
    assert!(count > 20, "{count} command lines only");
    assert_eq!(help.unknown(&words("models pull o/m --lnk x")).await?, ["[\"models\", \"pull\"] --lnk"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_the_documentation_shows_are_ones_that_the_chart_takes() -> Result<()> {
    let Some(chart) = chart::chart().await else { return Ok(()) };
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("values.yaml");
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in documents()? {
        for values in document.blocks("yaml").iter().filter(|block| block.starts_with(VALUES)) {
            count += 1;
            fs::write(&file, values)?;
            if let Err(error) = chart.render(KUBERNETES, std::slice::from_ref(&file)).await {
                wrong.push(format!("{}:\n{values}{error}", document.name()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 5, "{count} examples only");
    Ok(())
}
