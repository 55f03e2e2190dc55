//! The system's randomness. Each thread has a supply of it for ids, which need not be secret: a system call for each id
//! takes 3 % of the CPU time of a refusal.

use std::cell::RefCell;

/// How many bytes the system is asked for at once: those of 32 ids, and not more than it gives without interruption.
const SUPPLY_BYTES: usize = 512;

struct Supply {
    bytes: [u8; SUPPLY_BYTES],
    used: usize,
}

thread_local! {
    static SUPPLY: RefCell<Supply> = const {
        RefCell::new(Supply { bytes: [0; SUPPLY_BYTES], used: SUPPLY_BYTES })
    };
}

/// Fills the bytes.
pub(super) fn fill(bytes: &mut [u8]) {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the system"
    )]
    getrandom::fill(bytes).expect("the system's randomness is available");
}

/// Bytes that no other id has.
pub(super) fn for_id<const N: usize>() -> [u8; N] {
    SUPPLY.with_borrow_mut(|supply| {
        if supply.bytes.len() - supply.used < N {
            fill(&mut supply.bytes);
            supply.used = 0;
        }
        let mut taken = [0; N];
        taken.copy_from_slice(&supply.bytes[supply.used..supply.used + N]);
        supply.used += N;
        taken
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, thread};

    use super::*;

    #[test]
    fn bytes_differ_within_a_supply_across_supplies_and_between_threads() {
        let of_a_thread = || (0..100).map(|_| for_id::<16>()).collect::<Vec<_>>();
        let threads = [thread::spawn(of_a_thread), thread::spawn(of_a_thread)];
        let taken = threads.map(|thread| thread.join().expect("no panic"));
        let all: HashSet<[u8; 16]> = taken.into_iter().flatten().collect();
        assert_eq!(all.len(), 200);
    }

    #[test]
    fn ids_of_other_lengths_share_the_supply() {
        let before = (for_id::<8>(), for_id::<16>(), for_id::<2>());
        let after = (for_id::<8>(), for_id::<16>(), for_id::<2>());
        assert_ne!(before.0, after.0);
        assert_ne!(before.1, after.1);
    }
}
