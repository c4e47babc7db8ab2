//! One page over plain HTTP, as a probe, Prometheus or a person asks for it.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Clone, Debug)]
pub struct Page {
    pub status: u16,
    pub body: String,
}

pub async fn get(address: SocketAddr, path: &str) -> Result<Page> {
    send(address, &format!("GET {path}"), &[], "").await
}

/// `asked`: method and path.
pub async fn send(address: SocketAddr, asked: &str, headers: &[(&str, &str)], body: &str) -> Result<Page> {
    let mut head = format!("{asked} HTTP/1.0\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let asking = async {
        let mut stream = TcpStream::connect(address).await?;
        // HTTP/1.0: the body is not in chunks, and ends with the connection.
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).await?;
        let mut said = String::new();
        stream.read_to_string(&mut said).await?;
        let (head, body) = said.split_once("\r\n\r\n").context("no end of the headers")?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        Ok::<_, anyhow::Error>(Page { status, body: body.to_owned() })
    };
    tokio::time::timeout(DEADLINE, asking).await.with_context(|| format!("{asked}: late"))?
}
