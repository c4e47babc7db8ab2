//! A server that plays the Hugging Face hub for one repository: it tells its commit, its files and their checksums, and sends bytes from
//! any offset on. It can cut connections, stall, send other bytes than it told of, and refuse; and it remembers what was asked.

use std::{
    fs,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// The one revision, besides "main".
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// The one repository.
pub const REPO: &str = "owner/tiny";
/// Who may read it, where somebody may not.
pub const TOKEN: &str = "hf_secret";

/// What goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    #[default]
    None,
    /// Every connection that sends weights ends after so many bytes of them.
    Cut(usize),
    /// The first one that sends weights sends so many bytes, and then nothing more.
    Stall(usize),
    /// The weights have one other bit.
    Altered,
    /// Only who shows the token is answered.
    Gated,
    /// The commit that it tells leads out of the folder of snapshots.
    CommitElsewhere,
    /// So does the name of one of its files.
    NameElsewhere,
    /// So many requests for the headers of weights are answered by "503 Service Unavailable".
    Busy(usize),
    /// It sends clients to another host for weights, as the hub does.
    Redirected,
}

/// What a hub tells that wants files removed or made elsewhere.
pub const ELSEWHERE: &str = "../../victim";

/// Stops when dropped.
#[derive(Debug)]
pub struct Hub {
    pub endpoint: String,
    state: Arc<State>,
    _server: JoinSet<()>,
}

#[derive(Debug)]
struct State {
    files: Vec<File>,
    fault: Mutex<Fault>,
    requests: Mutex<Vec<Asked>>,
    /// Another origin, where weights lie for whoever asks.
    store: String,
    /// What was asked there.
    stored: Mutex<Vec<Asked>>,
}

#[derive(Debug)]
struct File {
    path: String,
    bytes: Vec<u8>,
    /// Told in headers and in the list alike, as the hub does of large files and of small ones.
    checksum: String,
}

impl State {
    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether this request is one of those that are answered by "503".
    fn is_busy(&self) -> bool {
        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let Fault::Busy(left) = &mut *fault else { return false };
        let is_busy = *left > 0;
        *left = left.saturating_sub(1);
        is_busy
    }
}

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    pub path: String,
    /// The value of the header, such as "bytes=5-9".
    pub range: Option<String>,
    /// The value of the header that shows one.
    pub token: Option<String>,
}

impl Hub {
    /// Has the files of a folder. Weights are kept as large files are: by SHA-256.
    pub async fn of(folder: &Path, fault: Fault) -> Result<Self> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let bytes = fs::read(&path)?;
            let name = path.file_name().context("no name")?.to_string_lossy().into_owned();
            let checksum = if is_weights(&name) { sum("sha256sum", &[], &bytes)? } else { git_blob(&bytes)? };
            files.push(File { path: name, bytes, checksum });
        }
        // What no worker reads.
        for path in ["pytorch_model.bin", "README.md", "onnx/model.onnx"] {
            let bytes = b"not wanted".to_vec();
            files.push(File { path: path.to_owned(), checksum: git_blob(&bytes)?, bytes });
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let store = TcpListener::bind("127.0.0.1:0").await?;
        let state = Arc::new(State {
            files,
            fault: Mutex::new(fault),
            requests: Mutex::default(),
            store: format!("http://{}", store.local_addr()?),
            stored: Mutex::default(),
        });
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&state), Origin::Hub));
        server.spawn(serve(store, Arc::clone(&state), Origin::Store));
        Ok(Self { endpoint, state, _server: server })
    }

    pub fn set(&self, fault: Fault) {
        *self.state.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// The requests to the other origin so far.
    pub fn asked_elsewhere(&self) -> Vec<Asked> {
        self.state.stored.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The requests for a file's bytes so far.
    pub fn asked_for(&self, path: &str) -> Vec<Asked> {
        let requests = self.state.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let end = format!("/{path}");
        requests.iter().filter(|asked| asked.method == "GET" && asked.path.ends_with(&end)).cloned().collect()
    }
}

fn is_weights(name: &str) -> bool {
    name.ends_with(".safetensors")
}

fn git_blob(bytes: &[u8]) -> Result<String> {
    sum("sha1sum", format!("blob {}\0", bytes.len()).as_bytes(), bytes)
}

/// By a program that is not ours.
fn sum(program: &str, head: &[u8], bytes: &[u8]) -> Result<String> {
    let mut file = tempfile::NamedTempFile::new()?;
    std::io::Write::write_all(&mut file, head)?;
    std::io::Write::write_all(&mut file, bytes)?;
    let output = std::process::Command::new(program).arg(file.path()).output()?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.split_whitespace().next().context("no checksum")?.to_owned())
}

#[derive(Clone, Copy)]
enum Origin {
    Hub,
    Store,
}

async fn serve(listener: TcpListener, state: Arc<State>, origin: Origin) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let state = Arc::clone(&state);
        connections.spawn(async move {
            // A client that leaves is no fault of the server's.
            let _ = connection(stream, &state, origin).await;
        });
    }
}

async fn connection(stream: TcpStream, state: &State, origin: Origin) -> Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(asked) = request(&mut stream).await? {
        let goes_on = match origin {
            Origin::Hub => {
                state.requests.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
                answer(&mut stream, state, &asked).await?
            }
            Origin::Store => {
                state.stored.lock().unwrap_or_else(PoisonError::into_inner).push(asked.clone());
                match state.files.iter().find(|file| asked.path.ends_with(&file.path)) {
                    Some(file) => bytes(&mut stream, state, &asked, file).await?,
                    None => plain(&mut stream, "404 Not Found", "", &asked).await?,
                }
            }
        };
        if !goes_on {
            break;
        }
    }
    Ok(())
}

/// None: the client has left.
async fn request(stream: &mut BufReader<TcpStream>) -> Result<Option<Asked>> {
    let mut line = String::new();
    if stream.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let (method, path) = (words.next().context("no method")?.to_owned(), words.next().context("no path")?.to_owned());
    let path = path.split('?').next().unwrap_or_default().to_owned();
    let mut asked = Asked { method, path, range: None, token: None };
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await?;
        match header.trim().split_once(": ") {
            None => return Ok(Some(asked)),
            Some((name, value)) if name.eq_ignore_ascii_case("range") => asked.range = Some(value.to_owned()),
            Some((name, value)) if name.eq_ignore_ascii_case("authorization") => asked.token = Some(value.to_owned()),
            Some(_) => {}
        }
    }
}

/// Whether the connection goes on.
async fn answer(stream: &mut BufReader<TcpStream>, state: &State, asked: &Asked) -> Result<bool> {
    let fault = state.fault();
    if fault == Fault::Gated && asked.token.as_deref() != Some(&format!("Bearer {TOKEN}")) {
        return plain(stream, "401 Unauthorized", r#"{"error": "Access is restricted"}"#, asked).await;
    }
    let api = format!("/api/models/{REPO}");
    let missing = || ("404 Not Found", r#"{"error": "not found"}"#.to_owned());
    let commit = if fault == Fault::CommitElsewhere { ELSEWHERE } else { COMMIT };
    let (status, body) = match asked.path.strip_prefix(&api) {
        Some("") => ("200 OK", json!({ "id": REPO, "sha": commit }).to_string()),
        Some(rest) if rest == "/revision/main" || rest == format!("/revision/{COMMIT}") => {
            ("200 OK", json!({ "id": REPO, "sha": commit }).to_string())
        }
        Some(rest) if rest == format!("/tree/{COMMIT}") => ("200 OK", tree(state)),
        Some(_) => missing(),
        None => {
            let path = asked.path.strip_prefix(&format!("/{REPO}/resolve/{COMMIT}/"));
            match path.and_then(|path| state.files.iter().find(|file| file.path == path)) {
                Some(file) if is_weights(&file.path) && asked.method == "HEAD" && state.is_busy() => {
                    ("503 Service Unavailable", String::new())
                }
                Some(file) if is_weights(&file.path) && fault == Fault::Redirected => {
                    return elsewhere(stream, state, file).await;
                }
                Some(file) => return bytes(stream, state, asked, file).await,
                None => missing(),
            }
        }
    };
    plain(stream, status, &body, asked).await
}

/// Sends the client on, and tells the checksum.
async fn elsewhere(stream: &mut BufReader<TcpStream>, state: &State, file: &File) -> Result<bool> {
    let head = format!(
        "HTTP/1.1 302 Found\r\nlocation: {}/{}\r\nx-linked-etag: \"{}\"\r\ncontent-length: 0\r\n\r\n",
        state.store, file.path, file.checksum
    );
    stream.get_mut().write_all(head.as_bytes()).await?;
    Ok(true)
}

fn tree(state: &State) -> String {
    let files = state.files.iter().map(|file| {
        let size = file.bytes.len();
        if is_weights(&file.path) {
            let lfs = json!({ "oid": file.checksum, "size": size, "pointerSize": 134 });
            json!({ "type": "file", "oid": "0".repeat(40), "size": size, "path": file.path, "lfs": lfs })
        } else {
            let is_lie = state.fault() == Fault::NameElsewhere && file.path == "config.json";
            let path = if is_lie { ELSEWHERE } else { &file.path };
            json!({ "type": "file", "oid": file.checksum, "size": size, "path": path })
        }
    });
    serde_json::Value::from_iter(files).to_string()
}

async fn plain(stream: &mut BufReader<TcpStream>, status: &str, body: &str, asked: &Asked) -> Result<bool> {
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    let body = if asked.method == "HEAD" { "" } else { body };
    stream.get_mut().write_all(format!("{head}{body}").as_bytes()).await?;
    Ok(true)
}

async fn bytes(stream: &mut BufReader<TcpStream>, state: &State, asked: &Asked, file: &File) -> Result<bool> {
    let from = asked.range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.split('-').next()?.parse().ok());
    let from: usize = from.unwrap_or(0);
    let mut body = file.bytes.get(from..).context("beyond the end")?.to_vec();
    let status = if asked.range.is_some() { "206 Partial Content" } else { "200 OK" };
    let checksum = if is_weights(&file.path) { "x-linked-etag" } else { "etag" };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{checksum}: \"{}\"\r\nx-repo-commit: {COMMIT}\r\n\r\n",
        body.len(),
        file.checksum
    );
    stream.get_mut().write_all(head.as_bytes()).await?;
    if asked.method == "HEAD" {
        return Ok(true);
    }
    match state.fault() {
        Fault::Cut(most) if is_weights(&file.path) && body.len() > most => {
            stream.get_mut().write_all(body.get(..most).unwrap_or(&body)).await?;
            Ok(false)
        }
        Fault::Stall(most) if is_weights(&file.path) => {
            stream.get_mut().write_all(body.get(..most).unwrap_or(&body)).await?;
            stream.get_mut().flush().await?;
            // Until the client leaves.
            Ok(request(stream).await?.is_some())
        }
        Fault::Altered if is_weights(&file.path) => {
            if let Some(last) = body.last_mut() {
                *last ^= 1;
            }
            stream.get_mut().write_all(&body).await?;
            Ok(true)
        }
        Fault::None
        | Fault::Cut(_)
        | Fault::Stall(_)
        | Fault::Altered
        | Fault::Gated
        | Fault::CommitElsewhere
        | Fault::NameElsewhere
        | Fault::Busy(_)
        | Fault::Redirected => {
            stream.get_mut().write_all(&body).await?;
            Ok(true)
        }
    }
}
