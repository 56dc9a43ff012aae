//! Steps of an evaluation, counted where the interpreter asks for the time.
//!
//! The interpreter bounds itself by a clock it looks at after every so many steps. The clock given to
//! it here does not run: it moves on by as many steps when it is looked at. So an evaluation ends at
//! the same step wherever it is repeated.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::time::Duration;

use regorus::utils::limits::{set_time_source, ExecutionTimerConfig, TimeSource};

/// Steps between two looks at the clock: a look costs as much as some steps do.
const STRIDE: u32 = 64;

thread_local! {
    /// Steps taken on this thread, ever. An evaluation runs on one thread from its start to its end.
    static TAKEN: Cell<u64> = const { Cell::new(0) };
}

struct Steps;

impl TimeSource for Steps {
    fn now(&self) -> Option<Duration> {
        let taken = TAKEN.get() + u64::from(STRIDE);
        TAKEN.set(taken);
        Some(Duration::from_nanos(taken))
    }
}

/// Let steps be the time of every evaluation in this process.
pub fn install() {
    // It fails where the module is initialised again, and the source is then the same.
    let _ = set_time_source(&Steps);
}

/// The bound as the interpreter takes it. What is counted are whole strides.
pub fn bound(steps_max: u64) -> ExecutionTimerConfig {
    ExecutionTimerConfig {
        limit: Duration::from_nanos(steps_max),
        check_interval: NonZeroU32::new(STRIDE).unwrap_or(NonZeroU32::MIN),
    }
}

/// A count of steps on this thread, to see later how many were taken since.
pub fn taken() -> u64 {
    TAKEN.get()
}
