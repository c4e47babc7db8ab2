//! What a request changes of its strategy's policy: allowed by the ensemble, in range, and of use to the strategy.

use std::sync::Arc;

use specfuse_proto::v1 as proto;

use super::Invalid;
use crate::{
    config::{Ensemble, Misfit, policy},
    strategy::{Adjustable, Adjustment, Strategy},
};

/// The strategy as the request wants it.
pub(super) fn applied(
    wire: Option<proto::Adjustment>,
    strategy: Arc<Strategy>,
    ensemble: &Ensemble,
) -> Result<Arc<Strategy>, Invalid> {
    let Some(wire) = wire.filter(|wire| *wire != proto::Adjustment::default()) else { return Ok(strategy) };
    let adjustment = in_range(wire, ensemble.members.len()).map_err(Invalid::Adjustment)?;
    match adjustment.fields().find(|field| !ensemble.adjustable.contains(field)) {
        Some(field) => Err(Invalid::NotAdjustable {
            ensemble: Arc::clone(&ensemble.name),
            field: field.name(),
            allowed: Adjustable::listed(&ensemble.adjustable),
        }),
        None => Ok(Arc::new(strategy.adjusted(&adjustment)?)),
    }
}

/// The bounds are those of the configuration.
fn in_range(wire: proto::Adjustment, members: usize) -> Result<Adjustment, Misfit> {
    let proto::Adjustment { segment_tokens, exit, theta, tau, score, min_members } = wire;
    let least = |given| policy::min_members(usize::try_from(given).unwrap_or(usize::MAX), members);
    Ok(Adjustment {
        segment_tokens: segment_tokens.map(policy::segment_tokens).transpose()?,
        exit: exit.as_deref().map(policy::exit).transpose()?,
        theta: theta.map(policy::theta).transpose()?,
        tau: tau.map(policy::tau).transpose()?,
        score: score.as_deref().map(policy::score).transpose()?,
        min_members: min_members.map(least).transpose()?,
    })
}
