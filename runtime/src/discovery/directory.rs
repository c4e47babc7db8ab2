//! The list of workers as it is now, for whoever calls them.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time::Instant};

use super::Membership;

/// Clones share it.
#[derive(Clone, Debug)]
pub struct Directory {
    /// Changes with the list. After the stop it keeps its last value, and changes no more.
    pub membership: watch::Receiver<Arc<Membership>>,
    synced: Option<watch::Receiver<Option<Instant>>>,
    /// So that waiting for a change of a list that does not change is only waiting.
    _open: Arc<watch::Sender<Arc<Membership>>>,
}

/// The other end: whoever learns of changes.
#[derive(Debug)]
pub(super) struct Publisher {
    membership: Arc<watch::Sender<Arc<Membership>>>,
    synced: watch::Sender<Option<Instant>>,
}

impl Directory {
    /// A list that was configured and never changes.
    pub fn fixed(membership: Membership) -> Self {
        let (sender, membership) = watch::channel(Arc::new(membership));
        Self { membership, synced: None, _open: Arc::new(sender) }
    }

    /// An empty list, to begin with.
    pub(super) fn published() -> (Publisher, Self) {
        let (sender, membership) = watch::channel(Arc::default());
        let (synced, when) = watch::channel(None);
        let sender = Arc::new(sender);
        let publisher = Publisher { membership: Arc::clone(&sender), synced };
        (publisher, Self { membership, synced: Some(when), _open: sender })
    }

    /// Whether the list is more than the empty one to begin with.
    pub fn is_known(&self) -> bool {
        self.synced.as_ref().is_none_or(|synced| synced.borrow().is_some())
    }

    /// How long ago the list was last known to be that of the discovery service. None: it never was, or there is no such service.
    pub fn last_sync(&self) -> Option<Duration> {
        let synced = *self.synced.as_ref()?.borrow();
        synced.map(|at| at.elapsed())
    }
}

impl Publisher {
    /// Waiters are woken only by another list.
    pub(super) fn publish(&self, membership: Membership) {
        self.membership.send_if_modified(|current| {
            let is_new = **current != membership;
            if is_new {
                *current = Arc::new(membership);
            }
            is_new
        });
    }

    pub(super) fn is_current(&self) {
        self.synced.send_replace(Some(Instant::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Listed, *};

    fn list(address: &str) -> Membership {
        Membership { workers: vec![Listed { address: address.into(), record: None }] }
    }

    #[tokio::test]
    async fn a_configured_list_is_there_at_once_and_has_no_service_to_agree_with() {
        let mut directory = Directory::fixed(list("http://a:1"));
        assert_eq!(**directory.membership.borrow(), list("http://a:1"));
        assert_eq!(directory.last_sync(), None);
        let change = tokio::time::timeout(Duration::from_millis(20), directory.membership.changed()).await;
        assert!(change.is_err(), "it waits: {change:?}");
    }

    #[tokio::test]
    async fn a_published_list_says_how_old_it_is_and_outlives_its_publisher() {
        let (publisher, mut directory) = Directory::published();
        assert_eq!(directory.last_sync(), None);
        publisher.publish(Membership::default());
        assert!(!directory.membership.has_changed().unwrap(), "nobody is woken for nothing");
        publisher.publish(list("http://a:1"));
        publisher.is_current();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(directory.last_sync() >= Some(Duration::from_millis(50)));
        publisher.is_current();
        assert!(directory.last_sync() < Some(Duration::from_millis(50)));
        drop(publisher);
        directory.membership.changed().await.unwrap();
        assert_eq!(**directory.membership.borrow_and_update(), list("http://a:1"));
        assert!(tokio::time::timeout(Duration::from_millis(20), directory.membership.changed()).await.is_err());
    }
}
