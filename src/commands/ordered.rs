//! Work spread over threads whose results come in the order of the work.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, mpsc};

/// How many results may wait for an earlier one, for each worker. Bounds the memory where one piece of work is slow.
const AHEAD: u64 = 8;

struct State<I> {
    jobs: I,
    taken: u64,
    given: u64,
    closed: bool,
}

struct Queue<I> {
    state: Mutex<State<I>>,
    moved: Condvar,
    ahead: u64,
}

/// Does every job on `workers` threads and hands the results to `sink`, on this thread, in the order of the jobs. With
/// one worker no thread is started. Jobs are taken as they are needed.
pub(super) fn ordered<J: Send, R: Send>(
    jobs: impl Iterator<Item = J> + Send,
    workers: usize,
    work: impl Fn(J) -> R + Sync,
    mut sink: impl FnMut(R),
) {
    if workers <= 1 {
        return jobs.map(work).for_each(sink);
    }
    let state = Mutex::new(State { jobs, taken: 0, given: 0, closed: false });
    let queue = Queue { state, moved: Condvar::new(), ahead: AHEAD * workers as u64 };
    std::thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..workers {
            let (sender, queue, work) = (sender.clone(), &queue, &work);
            scope.spawn(move || {
                let _close = CloseOnPanic(queue);
                while let Some((number, job)) = queue.next() {
                    if sender.send((number, work(job))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        for (number, result) in results {
            waiting.insert(number, result);
            while let Some(result) = waiting.remove(&next) {
                sink(result);
                next += 1;
            }
            queue.given(next);
        }
    });
}

impl<I> Queue<I> {
    fn lock(&self) -> MutexGuard<'_, State<I>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn given(&self, given: u64) {
        self.lock().given = given;
        self.moved.notify_all();
    }
}

impl<J, I: Iterator<Item = J>> Queue<I> {
    fn next(&self) -> Option<(u64, J)> {
        let mut state = self.lock();
        while !state.closed && state.taken >= state.given + self.ahead {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return None;
        }
        let Some(job) = state.jobs.next() else {
            state.closed = true;
            drop(state);
            self.moved.notify_all();
            return None;
        };
        state.taken += 1;
        Some((state.taken - 1, job))
    }
}

/// A result that never comes must not keep the other workers waiting for it.
struct CloseOnPanic<'a, I>(&'a Queue<I>);

impl<I> Drop for CloseOnPanic<'_, I> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().closed = true;
            self.0.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ordered;

    #[test]
    fn results_keep_the_order_of_the_jobs() {
        for workers in [1, 2, 5] {
            let mut seen = Vec::new();
            let work = |job: u64| {
                // The first of each ten takes longest.
                (0..(10 - job % 10) * 2000).fold(job, |sum, n| std::hint::black_box(sum.wrapping_add(n)));
                job * 2
            };
            ordered(0..500, workers, work, |result| seen.push(result));
            assert_eq!(seen, (0..500).map(|job| job * 2).collect::<Vec<u64>>());
        }
    }
}
