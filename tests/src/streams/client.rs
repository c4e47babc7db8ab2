//! One streamed answer over HTTP/1.1, read as its bytes come.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::process::DEADLINE;

pub(super) struct EventStream(BufReader<TcpStream>);

impl EventStream {
    /// Asks, and waits for nothing.
    pub(super) async fn open(address: SocketAddr, question: &str) -> Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let body = json!({
            "model": "default", "messages": [{ "role": "user", "content": question }], "stream": true,
            "specfuse": { "trace": true },
        });
        let body = body.to_string();
        // HTTP/1.0: the body is not in chunks, and ends with the connection.
        let head = "POST /v1/chat/completions HTTP/1.0\r\ncontent-type: application/json";
        stream.write_all(format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len()).as_bytes()).await?;
        Ok(Self(BufReader::new(stream)))
    }

    /// The next one; None: that was the last.
    pub(super) async fn event(&mut self) -> Result<Option<Value>> {
        loop {
            let mut line = String::new();
            if tokio::time::timeout(DEADLINE, self.0.read_line(&mut line)).await.context("no event")?? == 0 {
                return Ok(None);
            }
            match line.trim_end().strip_prefix("data: ") {
                Some("[DONE]") => return Ok(None),
                Some(event) => return Ok(Some(serde_json::from_str(event)?)),
                None if line.starts_with("HTTP/") && !line.contains(" 200 ") => bail!("{line}"),
                None => {}
            }
        }
    }
}
