//! How this worker stands, for whoever runs it, from before its model is loaded to the end of its process.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use specfuse_runtime::{admin, shutdown::Shutdown};

use crate::{metrics, service::Service};

/// A forward pass that takes so long has hung: the largest take seconds on a processor.
const HUNG: Duration = Duration::from_secs(300);

/// Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    /// None before its model is loaded and after its last call: a service keeps the engine up.
    serving: Arc<RwLock<Option<Service>>>,
    shutdown: Shutdown,
}

impl Standing {
    pub(crate) fn loading(shutdown: Shutdown) -> Self {
        Self { serving: Arc::default(), shutdown }
    }

    pub(crate) fn serves(&self, service: Service) {
        *self.serving.write().unwrap_or_else(PoisonError::into_inner) = Some(service);
    }

    pub(crate) fn has_served(&self) {
        *self.serving.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn serving(&self) -> Option<Service> {
        self.serving.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl admin::Standing for Standing {
    fn live(&self) -> Result<(), String> {
        let passing = self.serving().as_ref().and_then(Service::passing);
        match passing.filter(|passing| *passing > HUNG) {
            Some(passing) => Err(format!("a forward pass has not ended for {} s", passing.as_secs())),
            None => Ok(()),
        }
    }

    fn ready(&self) -> Result<(), String> {
        match self.serving() {
            _ if self.shutdown.has_begun() => Err("stopping".to_owned()),
            None => Err("loading".to_owned()),
            Some(_) => Ok(()),
        }
    }

    fn metrics(&self) -> Result<String, fmt::Error> {
        self.serving().as_ref().map_or_else(metrics::of_the_process, Service::metrics)
    }
}
