use std::future::pending;

use futures::{FutureExt, future::join_all};

use super::*;

/// Long for a test, and short to wait for.
const MAX_WAIT: Duration = Duration::from_millis(200);

fn bounds(running: usize, waiting: usize) -> Bounds {
    Bounds { running, waiting, max_wait: MAX_WAIT }
}

fn admission(running: usize, waiting: usize) -> Admission {
    Admission::new(bounds(running, waiting), Shutdown::new(Duration::ZERO))
}

fn counted(running: usize, waiting: usize) -> Counts {
    Counts { running, waiting }
}

#[tokio::test]
async fn without_a_queue_full_is_an_answer_at_once_and_a_dropped_ticket_makes_room() {
    let admission = admission(1, 0);
    let ticket = admission.admit(None).await.unwrap();
    let refused = admission.admit(None).now_or_never().unwrap();
    assert_eq!(refused.unwrap_err(), Denied::Full(bounds(1, 0)));
    drop(ticket);
    assert!(admission.admit(None).await.is_ok());
}

#[tokio::test]
async fn those_who_wait_come_in_order_and_nobody_overtakes_them() {
    let admission = admission(1, 2);
    let ticket = admission.admit(None).await.unwrap();
    let mut first = Box::pin(admission.admit(None));
    let mut second = Box::pin(admission.admit(None));
    assert!(first.as_mut().now_or_never().is_none() && second.as_mut().now_or_never().is_none());
    assert_eq!(admission.counts(), counted(1, 2));
    assert_eq!(admission.admit(None).await.unwrap_err(), Denied::Full(bounds(1, 2)));
    drop(ticket);
    assert!(second.as_mut().now_or_never().is_none());
    let late = admission.admit(None).now_or_never();
    assert!(matches!(late, Some(Err(Denied::Full(_)))), "{late:?}");
    let first = first.now_or_never().unwrap().unwrap();
    assert_eq!(admission.counts(), counted(1, 1));
    drop(first);
    assert!(second.now_or_never().unwrap().is_ok());
    assert_eq!(admission.counts(), counted(0, 0));
}

#[tokio::test]
async fn a_wait_ends_with_the_longest_wait_or_just_before_the_deadline() {
    let admission = admission(1, 4);
    let _ticket = admission.admit(None).await.unwrap();
    let begun = Instant::now();
    assert_eq!(admission.admit(None).await.unwrap_err(), Denied::Late(bounds(1, 4)));
    assert!(begun.elapsed() >= MAX_WAIT);
    let begun = Instant::now();
    let deadline = begun + MAX_WAIT / 2;
    assert_eq!(admission.admit(Some(deadline)).await.unwrap_err(), Denied::Expired);
    assert!(begun.elapsed() + SPARE >= MAX_WAIT / 2);
    assert_eq!(admission.admit(Some(begun)).await.unwrap_err(), Denied::Expired);
    let far = Some(begun + Duration::from_secs(3600));
    assert_eq!(admission.admit(far).await.unwrap_err(), Denied::Late(bounds(1, 4)));
}

#[tokio::test]
async fn a_request_that_is_dropped_leaves_the_queue() {
    let admission = admission(1, 1);
    let ticket = admission.admit(None).await.unwrap();
    let mut gone = Box::pin(admission.admit(None));
    assert!(gone.as_mut().now_or_never().is_none());
    drop(gone);
    assert_eq!(admission.counts(), counted(1, 0));
    let next = admission.admit(None);
    drop(ticket);
    assert!(next.await.is_ok());
}

#[tokio::test]
async fn the_drain_waits_for_running_generations_and_cuts_the_rest() {
    let shutdown = Shutdown::new(Duration::ZERO);
    let admission = Admission::new(bounds(2, 4), shutdown.clone());
    let (first, second) = (admission.admit(None).await.unwrap(), admission.admit(None).await.unwrap());
    let mut waiting = Box::pin(admission.admit(None));
    assert!(waiting.as_mut().now_or_never().is_none());
    shutdown.begin();
    assert_eq!(waiting.await.unwrap_err(), Denied::Stopping);
    assert_eq!(admission.admit(None).await.unwrap_err(), Denied::Stopping);
    drop(first);
    assert_eq!(admission.drain(tokio::time::sleep(Duration::from_millis(20))).await, Err((1, ())));
    second.cut().await;
    drop(second);
    assert_eq!(admission.drain(pending::<()>()).await, Ok(()));
}

#[tokio::test]
async fn four_times_the_limit_runs_no_more_than_the_limit_and_loses_nobody_who_waits_in_time() {
    let admission = admission(4, 4);
    let one = |place: usize| {
        let admission = admission.clone();
        async move {
            let ticket = admission.admit(None).await?;
            assert!(admission.counts().running <= 4);
            tokio::time::sleep(MAX_WAIT / 4).await;
            drop(ticket);
            Ok::<usize, Denied>(place)
        }
    };
    let outcomes = join_all((0..16).map(one)).await;
    let admitted: Vec<usize> = outcomes.iter().filter_map(|outcome| outcome.ok()).collect();
    assert_eq!(admitted, (0..8).collect::<Vec<usize>>());
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(_) | Err(Denied::Full(_)))));
    assert_eq!(admission.counts(), counted(0, 0));
}
