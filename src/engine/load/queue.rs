//! Deliveries that are made and wait for somebody to handle them: a bounded queue between the threads that make and those
//! that deliver.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A queue for one kind of thing; whoever waits at it is let go when it is closed.
#[derive(Debug)]
pub(super) struct Queue<T> {
    inside: Mutex<Inside<T>>,
    changed: Condvar,
    room: usize,
}

#[derive(Debug)]
struct Inside<T> {
    things: VecDeque<T>,
    /// Nothing more comes.
    is_closed: bool,
    /// How many wait for something to come, and for room.
    takers: usize,
    makers: usize,
}

impl<T> Queue<T> {
    /// One that holds at most `room` things.
    pub(super) const fn new(room: usize) -> Self {
        let inside = Inside { things: VecDeque::new(), is_closed: false, takers: 0, makers: 0 };
        Self { inside: Mutex::new(inside), changed: Condvar::new(), room }
    }

    /// A thread that panicked while it held the lock has left nothing half done.
    fn lock(&self) -> MutexGuard<'_, Inside<T>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a thing in, as soon as there is room; gives it back where the queue is closed.
    pub(super) fn put(&self, thing: T) -> Result<(), T> {
        let mut inside = self.lock();
        while inside.things.len() >= self.room && !inside.is_closed {
            inside.makers += 1;
            inside = self.changed.wait(inside).unwrap_or_else(PoisonError::into_inner);
            inside.makers -= 1;
        }
        if inside.is_closed {
            return Err(thing);
        }
        inside.things.push_back(thing);
        if inside.takers > 0 {
            self.changed.notify_all();
        }
        Ok(())
    }

    /// The next thing; nothing once the queue is closed and empty.
    pub(super) fn take(&self) -> Option<T> {
        let mut inside = self.lock();
        loop {
            if let Some(thing) = inside.things.pop_front() {
                self.tell_makers(&inside);
                return Some(thing);
            }
            if inside.is_closed {
                return None;
            }
            inside.takers += 1;
            inside = self.changed.wait(inside).unwrap_or_else(PoisonError::into_inner);
            inside.takers -= 1;
        }
    }

    /// Puts things that were taken where they were, also into a queue that is closed.
    pub(super) fn put_back(&self, things: impl DoubleEndedIterator<Item = T>) {
        let mut inside = self.lock();
        things.rev().for_each(|thing| inside.things.push_front(thing));
        self.changed.notify_all();
    }

    /// The next thing, where there is one at once and it is `wanted`, with what makes it so.
    pub(super) fn take_if<W>(&self, wanted: impl FnOnce(&T) -> Option<W>) -> Option<(T, W)> {
        let mut inside = self.lock();
        let why = wanted(inside.things.front()?)?;
        let thing = inside.things.pop_front()?;
        self.tell_makers(&inside);
        Some((thing, why))
    }

    /// Lets makers go on where there is room for several: to wake a thread for each thing costs more than to handle it.
    fn tell_makers(&self, inside: &Inside<T>) {
        if inside.makers > 0 && inside.things.len() <= self.room / 2 {
            self.changed.notify_all();
        }
    }

    /// Nothing more comes. What is in it can still be taken.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    /// Nothing more comes, and what is in it goes; answers with that.
    pub(super) fn clear(&self) -> VecDeque<T> {
        let things = std::mem::take(&mut self.lock().things);
        self.close();
        things
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;

    #[test]
    fn each_thing_comes_out_once_and_in_order() {
        let queue = Queue::new(4);
        let got = std::thread::scope(|scope| {
            scope.spawn(|| {
                (0..1_000).for_each(|n| assert!(queue.put(n).is_ok()));
                queue.close();
            });
            let takers: Vec<_> =
                (0..3).map(|_| scope.spawn(|| std::iter::from_fn(|| queue.take()).collect::<Vec<_>>())).collect();
            takers.into_iter().map(|taker| taker.join().unwrap_or_default()).collect::<Vec<_>>()
        });
        assert!(got.iter().all(|own| own.is_sorted()));
        let mut all = got.concat();
        all.sort_unstable();
        assert_eq!(all, (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn what_is_put_back_comes_next_and_in_its_old_order() {
        let queue = Queue::new(4);
        (0..4).for_each(|n| assert!(queue.put(n).is_ok()));
        let take = |wanted| queue.take_if(|n| (*n == wanted).then_some("it is"));
        assert_eq!((take(1), take(0)), (None, Some((0, "it is"))));
        assert_eq!(queue.take(), Some(1));
        queue.close();
        queue.put_back([0, 1].into_iter());
        assert_eq!(std::iter::from_fn(|| queue.take()).collect::<Vec<_>>(), [0, 1, 2, 3]);
    }

    #[test]
    fn who_waits_at_a_full_queue_is_let_go_when_it_closes() {
        let queue = Queue::new(1);
        assert_eq!(queue.put(1), Ok(()));
        std::thread::scope(|scope| {
            let maker = scope.spawn(|| queue.put(2));
            queue.close();
            assert_eq!(maker.join().ok(), Some(Err(2)));
        });
        assert_eq!((queue.take(), queue.take()), (Some(1), None));
    }
}
