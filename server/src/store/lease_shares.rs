//! How instances divide a limit of the whole deployment: by what each wants, and never more than there is.

/// The whole limit, in the unit of shares: millionths.
pub(crate) const WHOLE: u64 = 1_000_000;
/// How much more than the whole may be shared out for some seconds: an instance that has just started makes its first
/// calls at once, although another one still holds everything. At the usual limit this is one call a second.
const OVERDRAFT: u64 = WHOLE / 20;

/// An instance's part of the division.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// What it holds now.
    pub(super) share: u64,
    /// What it would use if it could.
    pub(super) wanted: u64,
}

/// What an instance gets that wants this much, beside the others. Each gets at least `floor`, as far as there is enough,
/// so that an idle one can make its next call at once. Nobody gets what another one still holds, except for the
/// overdraft: that one gives it back when it renews its own lease.
pub(super) fn grant(wanted: u64, floor: u64, others: &[Part]) -> Grant {
    let held: u64 = others.iter().map(|other| other.share).sum();
    let fair = fair_share(wanted, floor, others);
    let free = WHOLE.saturating_sub(held);
    let overdraft = (WHOLE + OVERDRAFT).saturating_sub(held).min(floor);
    let available = free.max(overdraft);
    Grant {
        share: fair.min(available),
        is_complete: fair <= available,
    }
}

/// What an instance gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) share: u64,
    /// Whether that is all that it should have once the others have renewed their leases.
    pub(super) is_complete: bool,
}

/// Those who want little get it; the rest is divided equally among the others. What nobody wants is divided equally.
fn fair_share(wanted: u64, floor: u64, others: &[Part]) -> u64 {
    let count = others.len() as u64 + 1;
    let floor = floor.min(WHOLE / count);
    let needed = |wanted: u64| wanted.clamp(floor, WHOLE);
    let mine = needed(wanted);
    let mut all: Vec<u64> = others.iter().map(|other| needed(other.wanted)).collect();
    all.push(mine);
    let total: u64 = all.iter().sum();
    if total <= WHOLE {
        return mine + (WHOLE - total) / count;
    }
    all.sort_unstable();
    let (mut left, mut instances) = (WHOLE, count);
    for needed in all {
        let equal = left / instances;
        if needed > equal {
            return mine.min(equal);
        }
        left -= needed;
        instances -= 1;
    }
    mine
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: u64 = WHOLE / 20;

    fn parts(parts: &[(u64, u64)]) -> Vec<Part> {
        let part = |&(share, wanted): &(u64, u64)| Part { share, wanted };
        parts.iter().map(part).collect()
    }

    #[test]
    fn one_instance_has_everything() {
        for wanted in [0, FLOOR, WHOLE, 10 * WHOLE] {
            let grant = grant(wanted, FLOOR, &[]);
            assert_eq!((grant.share, grant.is_complete), (WHOLE, true));
        }
    }

    #[test]
    fn a_newcomer_gets_what_is_free_and_waits_for_the_rest() {
        let grant = grant(WHOLE, FLOOR, &parts(&[(700_000, WHOLE)]));
        assert_eq!((grant.share, grant.is_complete), (300_000, false));
    }

    #[test]
    fn a_newcomer_beside_one_that_has_everything_gets_the_overdraft() {
        let all_held = parts(&[(WHOLE, WHOLE)]);
        let grant_beside = |others: &[Part]| grant(WHOLE, FLOOR, others);
        assert_eq!(grant_beside(&all_held).share, OVERDRAFT);
        let overdrawn = parts(&[(WHOLE, WHOLE), (OVERDRAFT, 0)]);
        let grant = grant_beside(&overdrawn);
        assert_eq!((grant.share, grant.is_complete), (0, false));
    }

    #[test]
    fn who_wants_little_leaves_the_rest_to_others() {
        let idle = parts(&[(FLOOR, 0), (FLOOR, 0)]);
        assert_eq!(grant(WHOLE, FLOOR, &idle).share, 900_000);
        let busy = parts(&[(900_000, WHOLE), (FLOOR, 0)]);
        assert_eq!(grant(0, FLOOR, &busy).share, FLOOR);
        let modest = parts(&[(200_000, 200_000), (400_000, WHOLE)]);
        assert_eq!(grant(WHOLE, FLOOR, &modest).share, 400_000);
    }

    /// Instances that renew in any order, come and go: the sum is never more than the whole and the overdraft, and
    /// the whole is used, and no more, when everybody wants much.
    #[test]
    fn the_shares_are_never_more_than_the_whole() {
        let mut state: u64 = 1;
        let mut random = move |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) % below
        };
        for count in [1, 2, 3, 10, 40] {
            let mut all = parts(&vec![(0, 0); count]);
            for step in 0..2_000 {
                let index = usize::try_from(random(count as u64)).expect("small");
                if random(50) == 0 {
                    // It was started again.
                    all[index] = Part {
                        share: 0,
                        wanted: 0,
                    };
                    continue;
                }
                let wanted = if step < 1_500 {
                    random(2 * WHOLE)
                } else {
                    WHOLE
                };
                let mut others = all.clone();
                others.remove(index);
                let share = grant(wanted, FLOOR, &others).share;
                all[index] = Part { share, wanted };
                let sum: u64 = all.iter().map(|part| part.share).sum();
                assert!(sum <= WHOLE + OVERDRAFT, "{count} instances: {sum}");
            }
            for index in (0..count).cycle().take(4 * count) {
                let mut others = all.clone();
                others.remove(index);
                let share = grant(WHOLE, FLOOR, &others).share;
                all[index] = Part {
                    share,
                    wanted: WHOLE,
                };
            }
            let sum: u64 = all.iter().map(|part| part.share).sum();
            assert!(
                sum > WHOLE - count as u64 && sum <= WHOLE,
                "{count} instances use {sum}"
            );
        }
    }
}
