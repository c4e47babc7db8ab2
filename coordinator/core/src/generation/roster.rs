//! Who is left in a generation, and how each has done. Kept in ensemble order throughout.

use super::report::{Exit, ExitReason};
use crate::{
    candidate::OwnScore,
    member::MemberIndex,
    policy::{Policy, WeightRule},
    reliability::Agreement,
    weights,
};

#[derive(Debug)]
pub(super) struct Roster {
    seats: Vec<Seat>,
    /// Seats of those who left for their quality, and of those who are out of strikes: they could come back.
    outvoted: Vec<Seat>,
    struck: Vec<Seat>,
    weight_rule: WeightRule,
    /// The one exit of `first_rounds` has taken place.
    pub(super) winless_dismissed: bool,
}

#[derive(Debug)]
pub(super) struct Seat {
    member: MemberIndex,
    /// Q
    quality: f64,
    /// w; of all seats they sum to one under hedge and reliability, and stay one each under uniform weights.
    weight: f64,
    won: bool,
    strikes: u32,
    failed_this_round: bool,
    /// What it thinks of all that it has drafted, won or not.
    own: OwnScore,
    /// How it scores, against the others.
    agreement: Agreement,
}

impl Roster {
    pub(super) fn new(members: &[MemberIndex], weight_rule: WeightRule) -> Self {
        let seat = |member: &MemberIndex| Seat {
            member: *member,
            quality: 0.0,
            weight: 1.0,
            won: false,
            strikes: 0,
            failed_this_round: false,
            own: OwnScore::default(),
            agreement: Agreement::default(),
        };
        let mut roster = Self {
            seats: members.iter().map(seat).collect(),
            outvoted: Vec::new(),
            struck: Vec::new(),
            weight_rule,
            winless_dismissed: false,
        };
        roster.renormalise();
        roster
    }

    pub(super) fn members(&self) -> Vec<MemberIndex> {
        self.seats.iter().map(|seat| seat.member).collect()
    }

    pub(super) fn quality(&self) -> Vec<f64> {
        self.seats.iter().map(|seat| seat.quality).collect()
    }

    pub(super) fn weights(&self) -> Vec<f64> {
        self.seats.iter().map(|seat| seat.weight).collect()
    }

    pub(super) fn own(&self, member: MemberIndex) -> OwnScore {
        self.seats.iter().find(|seat| seat.member == member).map(|seat| seat.own).unwrap_or_default()
    }

    pub(super) fn add_own(&mut self, member: MemberIndex, own: OwnScore) {
        for seat in self.seats.iter_mut().filter(|seat| seat.member == member) {
            seat.own = seat.own.with(own);
        }
    }

    /// Adds a round's agreements; all of them so far.
    pub(super) fn add_agreements(&mut self, round: &[Agreement]) -> Vec<Agreement> {
        for (seat, agreement) in self.seats.iter_mut().zip(round) {
            seat.agreement = seat.agreement.with(*agreement);
        }
        self.seats.iter().map(|seat| seat.agreement).collect()
    }

    /// The member of the highest quality, where there is only one such.
    pub(super) fn leader(&self) -> Option<MemberIndex> {
        let best = self.seats.iter().max_by(|a, b| a.quality.total_cmp(&b.quality))?;
        let equals = self.seats.iter().filter(|seat| seat.quality >= best.quality).count();
        (equals == 1).then_some(best.member)
    }

    /// Who leaves so that a round of those left costs no more than `affordable` says, lowest quality first; one stays.
    pub(super) fn unaffordable(&self, affordable: impl Fn(usize) -> bool) -> Vec<Exit> {
        let leaving = crate::exit::all_but_best(&self.quality());
        let members = self.seats.len();
        let count = (0..leaving.len()).find(|gone| affordable(members - gone)).unwrap_or(leaving.len());
        let leaving = leaving.into_iter().take(count).filter_map(|position| self.seats.get(position));
        leaving.map(|seat| Exit { member: seat.member, reason: ExitReason::Budget }).collect()
    }

    pub(super) fn won(&self) -> Vec<bool> {
        self.seats.iter().map(|seat| seat.won).collect()
    }

    pub(super) fn set_weights(&mut self, weights: &[f64]) {
        for (seat, weight) in self.seats.iter_mut().zip(weights) {
            seat.weight = *weight;
        }
    }

    /// Adds a round's q to Q.
    pub(super) fn add_shares(&mut self, shares: &[f64]) {
        for (seat, share) in self.seats.iter_mut().zip(shares) {
            seat.quality += share;
        }
    }

    pub(super) fn credit(&mut self, authors: &[MemberIndex]) {
        for seat in self.seats.iter_mut().filter(|seat| authors.contains(&seat.member)) {
            seat.won = true;
        }
    }

    /// A failed call. However many there are in a round, they make one strike.
    pub(super) fn mark_failed(&mut self, member: MemberIndex) {
        for seat in self.seats.iter_mut().filter(|seat| seat.member == member) {
            seat.failed_this_round = true;
        }
    }

    /// Who leaves at the round's end: by quality, from `leaving` (positions, in the order of leaving) as far as
    /// `min_members` allows, and whoever is out of strikes. The latter do not count as members that could stay.
    pub(super) fn departures(&mut self, leaving: &[usize], policy: &Policy) -> Vec<Exit> {
        let struck: Vec<MemberIndex> = self.count_strikes(policy.max_strikes.get());
        let room = self.seats.len().saturating_sub(struck.len()).saturating_sub(policy.min_members.get());
        let by_quality = leaving
            .iter()
            .filter_map(|position| self.seats.get(*position))
            .map(|seat| seat.member)
            .filter(|member| !struck.contains(member))
            .take(room)
            .map(|member| Exit { member, reason: ExitReason::Quality });
        let by_strikes = struck.iter().map(|member| Exit { member: *member, reason: ExitReason::Failed });
        by_quality.chain(by_strikes).collect()
    }

    pub(super) fn dismiss(&mut self, exits: &[Exit]) {
        let reason = |seat: &Seat| exits.iter().find(|exit| exit.member == seat.member).map(|exit| exit.reason);
        for seat in std::mem::take(&mut self.seats) {
            match reason(&seat) {
                None => self.seats.push(seat),
                Some(ExitReason::Quality | ExitReason::Budget) => self.outvoted.push(seat),
                Some(ExitReason::Failed) => self.struck.push(seat),
                Some(ExitReason::ContextFull | ExitReason::Refused) => {}
            }
        }
        self.renormalise();
    }

    /// Whoever has no part in a round: out of the roster until it is seated again.
    pub(super) fn part_with(&mut self, leaves: impl Fn(MemberIndex) -> bool) -> Vec<Seat> {
        let (absent, present) = std::mem::take(&mut self.seats).into_iter().partition(|seat| leaves(seat.member));
        self.seats = present;
        if !absent.is_empty() {
            self.renormalise();
        }
        absent
    }

    /// Back as they left: with the share of all weights that they had.
    pub(super) fn seat_again(&mut self, absent: Vec<Seat>) {
        if absent.is_empty() {
            return;
        }
        let share: f64 = absent.iter().map(|seat| seat.weight).sum();
        if self.weight_rule != WeightRule::Uniform {
            self.seats.iter_mut().for_each(|seat| seat.weight *= 1.0 - share);
        }
        self.seats.extend(absent);
        self.seats.sort_by_key(|seat| seat.member);
        self.renormalise();
    }

    pub(super) fn can_recall(&self) -> bool {
        !self.outvoted.is_empty() || !self.struck.is_empty()
    }

    /// Takes back all who left for their quality, as they left; where that leaves nobody, those who were out of strikes, with one
    /// strike left: better than no answer.
    pub(super) fn recall(&mut self) -> Vec<MemberIndex> {
        let mut back = std::mem::take(&mut self.outvoted);
        if back.is_empty() && self.seats.is_empty() {
            back = std::mem::take(&mut self.struck);
            back.iter_mut().for_each(|seat| seat.strikes = seat.strikes.saturating_sub(1));
        }
        back.sort_by_key(|seat| seat.member);
        let recalled = back.iter().map(|seat| seat.member).collect();
        self.seats.extend(back);
        self.seats.sort_by_key(|seat| seat.member);
        self.renormalise();
        recalled
    }

    fn count_strikes(&mut self, max_strikes: u32) -> Vec<MemberIndex> {
        for seat in self.seats.iter_mut().filter(|seat| seat.failed_this_round) {
            seat.strikes = seat.strikes.saturating_add(1);
            seat.failed_this_round = false;
        }
        self.seats.iter().filter(|seat| seat.strikes >= max_strikes).map(|seat| seat.member).collect()
    }

    fn renormalise(&mut self) {
        match self.weight_rule {
            WeightRule::Uniform => {}
            WeightRule::Hedge { .. } | WeightRule::Reliability => {
                self.set_weights(&weights::normalised(&self.weights()))
            }
        }
    }
}
