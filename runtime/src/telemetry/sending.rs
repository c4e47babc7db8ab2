//! An exporter that says when it begins to fail, and when it does no more: once each, not for every batch.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    trace::{SpanData, SpanExporter},
};

#[derive(Debug)]
pub(super) struct Sending<E> {
    exporter: E,
    /// Where to.
    endpoint: String,
    fails: AtomicBool,
}

impl<E: SpanExporter> Sending<E> {
    pub(super) fn of(exporter: E, endpoint: &str) -> Self {
        Self { exporter, endpoint: endpoint.to_owned(), fails: AtomicBool::new(false) }
    }
}

impl<E: SpanExporter> SpanExporter for Sending<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len();
        let sent = self.exporter.export(batch).await;
        let endpoint = &self.endpoint;
        match (&sent, self.fails.swap(sent.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => tracing::warn!(endpoint, spans, %error, "spans cannot be sent and are lost"),
            (Ok(()), true) => tracing::info!(endpoint, "spans are sent again"),
            (Err(_), true) | (Ok(()), false) => {}
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
