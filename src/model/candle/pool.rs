//! Threads that share the rows of a product: spinning between the layers of a step, parked soon after.
//!
//! A step has some hundred products of a few microseconds to a millisecond; waking a sleeping thread for
//! each would cost more than it gains, and a thread that spins while a person types would burn a core.
//! So a worker spins for [`SPIN`] after its last job and then parks.

#![expect(unsafe_code, reason = "lends a closure and a slice to threads")]

use std::cell::UnsafeCell;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a worker waits in a loop for the next job: longer than the sampling between two tokens.
const SPIN: Duration = Duration::from_micros(400);

/// The bit of `gate` that says a job may be entered; the lower bits count the workers inside.
const OPEN: usize = 1 << (usize::BITS - 1);

type Job = *const (dyn Fn(usize) + Sync);

/// On a cache line of its own, so that counting doesn't slow the spinning.
#[repr(align(128))]
struct Padded<T>(T);

struct Shared {
    epoch: Padded<AtomicUsize>,
    gate: Padded<AtomicUsize>,
    next: Padded<AtomicUsize>,
    total: AtomicUsize,
    parked: AtomicUsize,
    stop: AtomicBool,
    panicked: AtomicBool,
    job: UnsafeCell<Option<Job>>,
}

// SAFETY: `job` is written only by the caller of `run` while the gate is closed and nobody is inside, and
// read only by workers that are inside; the gate's acquire and release order the two. The rest is atomic.
unsafe impl Sync for Shared {}
// SAFETY: the job pointer is only ever followed while `run`, which borrows the closure, has not returned.
unsafe impl Send for Shared {}

/// A fixed set of worker threads, plus the caller's own.
pub struct Pool {
    shared: Arc<Shared>,
    workers: Vec<JoinHandle<()>>,
}

impl Pool {
    /// A pool in which `threads` threads work, the caller's included; 0 counts as 1.
    pub fn new(threads: usize) -> Pool {
        let shared = Arc::new(Shared {
            epoch: Padded(AtomicUsize::new(0)),
            gate: Padded(AtomicUsize::new(0)),
            next: Padded(AtomicUsize::new(0)),
            total: AtomicUsize::new(0),
            parked: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
            job: UnsafeCell::new(None),
        });
        let workers = (1..threads)
            .filter_map(|index| {
                let shared = shared.clone();
                // Fewer threads than asked for only cost speed.
                std::thread::Builder::new().name(format!("model-{index}")).spawn(move || work(&shared)).ok()
            })
            .collect();
        Pool { shared, workers }
    }

    /// Threads that work on a job.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `job` once for each number below `total`, shared among the threads, and returns when all are done.
    ///
    /// # Panics
    /// When `job` panicked on any thread.
    pub fn run(&mut self, total: usize, job: &(dyn Fn(usize) + Sync)) {
        if self.workers.is_empty() || total <= 1 {
            (0..total).for_each(job);
            return;
        }
        let shared = &*self.shared;
        // SAFETY: `&mut self` rules out another `run`, and the last one left the gate closed and empty, so
        // nobody reads `job`. The lifetime is erased; `Closing` keeps this call from returning, or
        // unwinding, before every worker has left.
        unsafe {
            *shared.job.get() = Some(std::mem::transmute::<*const (dyn Fn(usize) + Sync + '_), Job>(job))
        };
        shared.next.0.store(0, Ordering::Relaxed);
        shared.total.store(total, Ordering::Relaxed);
        shared.gate.0.fetch_or(OPEN, Ordering::Release);
        shared.epoch.0.fetch_add(1, Ordering::SeqCst);
        if shared.parked.load(Ordering::SeqCst) > 0 {
            self.workers.iter().for_each(|worker| worker.thread().unpark());
        }
        let closing = Closing(shared);
        take_turns(shared, job);
        drop(closing);
        assert!(!shared.panicked.load(Ordering::Relaxed), "a worker thread of the model panicked");
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.shared.epoch.0.fetch_add(1, Ordering::SeqCst);
        for worker in self.workers.drain(..) {
            worker.thread().unpark();
            // A worker's panic was already reported by `run`.
            let _ = worker.join();
        }
    }
}

/// Closes the gate and waits until the last worker has left, however `run` is left.
struct Closing<'a>(&'a Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.gate.0.fetch_and(!OPEN, Ordering::AcqRel);
        let mut turns = 0u32;
        while self.0.gate.0.load(Ordering::Acquire) != 0 {
            turns += 1;
            // A worker that lost its core gets it back sooner when this thread lets go.
            if turns.is_multiple_of(1 << 12) { std::thread::yield_now() } else { std::hint::spin_loop() }
        }
    }
}

fn take_turns(shared: &Shared, job: &(dyn Fn(usize) + Sync)) {
    let total = shared.total.load(Ordering::Relaxed);
    loop {
        let index = shared.next.0.fetch_add(1, Ordering::Relaxed);
        if index >= total {
            return;
        }
        job(index);
    }
}

fn work(shared: &Shared) {
    let mut seen = 0;
    loop {
        wait_for_change(shared, &mut seen);
        if shared.stop.load(Ordering::SeqCst) {
            return;
        }
        let entered = shared.gate.0.fetch_add(1, Ordering::AcqRel) & OPEN != 0;
        if entered {
            // SAFETY: the gate was open when this thread counted itself in, so `run` has stored a job and
            // waits for this thread to leave before the closure goes out of scope.
            let job = unsafe { &*(*shared.job.get()).expect("stored before the gate opened") };
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| take_turns(shared, job)));
            if outcome.is_err() {
                shared.panicked.store(true, Ordering::Relaxed);
            }
        }
        shared.gate.0.fetch_sub(1, Ordering::Release);
    }
}

/// Spins, then parks, until the epoch differs from `seen`.
fn wait_for_change(shared: &Shared, seen: &mut usize) {
    let start = Instant::now();
    loop {
        for _ in 0..64 {
            let epoch = shared.epoch.0.load(Ordering::Acquire);
            if epoch != *seen {
                *seen = epoch;
                return;
            }
            std::hint::spin_loop();
        }
        if start.elapsed() > SPIN {
            break;
        }
    }
    shared.parked.fetch_add(1, Ordering::SeqCst);
    while shared.epoch.0.load(Ordering::SeqCst) == *seen {
        std::thread::park();
    }
    *seen = shared.epoch.0.load(Ordering::SeqCst);
    shared.parked.fetch_sub(1, Ordering::SeqCst);
}

/// A slice that the tasks of one job write in parts that don't overlap.
pub struct Parts<'a, T> {
    start: *mut T,
    length: usize,
    borrow: std::marker::PhantomData<&'a mut [T]>,
}

// SAFETY: a `Parts` gives out disjoint parts by `part`'s contract, so sharing it is sharing a `&mut [T]`.
unsafe impl<T: Send> Sync for Parts<'_, T> {}

impl<'a, T> Parts<'a, T> {
    /// Lends `slice` to the tasks.
    pub fn new(slice: &'a mut [T]) -> Parts<'a, T> {
        Parts { start: slice.as_mut_ptr(), length: slice.len(), borrow: std::marker::PhantomData }
    }

    /// One part.
    ///
    /// # Safety
    /// While the returned slice lives, no other part that overlaps `range` may be asked for.
    ///
    /// # Panics
    /// When `range` leaves the slice.
    #[allow(clippy::mut_from_ref)] // what `UnsafeCell` would say as well: the contract rules out aliasing
    pub unsafe fn part(&self, range: Range<usize>) -> &mut [T] {
        assert!(range.start <= range.end && range.end <= self.length);
        // SAFETY: inside the borrowed slice by the assertion, not aliased by the caller's promise.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(range.start), range.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_index_is_called_once_with_any_number_of_threads() {
        for threads in [1, 2, 3, 8] {
            let mut pool = Pool::new(threads);
            assert_eq!(pool.threads(), threads);
            for total in [0, 1, 2, 7, 1000] {
                let counts: Vec<AtomicUsize> = (0..total).map(|_| AtomicUsize::new(0)).collect();
                pool.run(total, &|index| {
                    counts[index].fetch_add(1, Ordering::Relaxed);
                });
                assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1), "{threads} {total}");
            }
        }
    }

    #[test]
    fn jobs_after_a_pause_find_the_parked_workers() {
        let mut pool = Pool::new(2);
        for _ in 0..3 {
            std::thread::sleep(SPIN * 20);
            assert_eq!(
                pool.shared.parked.load(Ordering::SeqCst),
                1,
                "the worker parks while nothing is to do"
            );
            let ran = AtomicUsize::new(0);
            pool.run(100, &|_| {
                ran.fetch_add(1, Ordering::Relaxed);
            });
            assert_eq!(ran.load(Ordering::Relaxed), 100);
        }
    }

    #[test]
    #[should_panic(expected = "panic")]
    fn a_panic_in_a_task_reaches_the_caller() {
        let mut pool = Pool::new(2);
        pool.run(64, &|index| {
            std::thread::sleep(Duration::from_millis(1));
            assert!(index != 63, "panic of task 63");
        });
    }

    #[test]
    fn parts_are_written_from_many_threads() {
        let mut data = vec![0usize; 100];
        let parts = Parts::new(&mut data);
        Pool::new(3).run(10, &|index| {
            // SAFETY: each task takes its own ten elements.
            let part = unsafe { parts.part(index * 10..index * 10 + 10) };
            part.fill(index);
        });
        assert!(data.iter().enumerate().all(|(at, value)| *value == at / 10));
    }
}
