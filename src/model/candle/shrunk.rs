//! A mapped file that becomes shorter while it is read: told, instead of ending the program.
//!
//! The system answers a read behind a file's new end with a bus error. Here empty memory takes the place of what is
//! gone, so that the work goes on to its end, and a mark says that nothing of it counts. (The reader of systemd's
//! journal does the same.) Windows lets nobody shorten a file that is mapped.

#![cfg_attr(unix, expect(unsafe_code, reason = "puts memory in the place of what is gone from a file"))]

#[cfg(not(unix))]
pub struct Watch;

#[cfg(not(unix))]
impl Watch {
    pub fn over(_: &[u8]) -> Watch {
        Watch
    }

    pub fn has_shrunk(&self) -> bool {
        false
    }
}

#[cfg(unix)]
pub use handler::Watch;

#[cfg(unix)]
mod handler {
    use nix::libc;
    use std::ffi::{c_int, c_void};
    use std::mem::MaybeUninit;
    use std::ptr::null_mut;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    /// Maps that are watched at a time; one more is not.
    const MOST: usize = 1024;

    /// The addresses of a map, and whether its file has lost some of them. A free one has no addresses.
    struct Place {
        start: AtomicUsize,
        end: AtomicUsize,
        shrunk: AtomicBool,
    }

    static PLACES: [Place; MOST] = [const {
        Place { start: AtomicUsize::new(0), end: AtomicUsize::new(0), shrunk: AtomicBool::new(false) }
    }; MOST];

    /// Bytes of a page, once the handler is there.
    static PAGE: AtomicUsize = AtomicUsize::new(0);

    /// What took bus errors before: the standard library, which looks for a full stack.
    static BEFORE: OnceLock<libc::sigaction> = OnceLock::new();

    /// A map under watch, until this is dropped.
    pub struct Watch(Option<&'static Place>);

    impl Watch {
        /// Watches over `map`, which must outlive this.
        pub fn over(map: &[u8]) -> Watch {
            static INSTALLED: OnceLock<()> = OnceLock::new();
            INSTALLED.get_or_init(install);
            let start = map.as_ptr() as usize;
            let free = |place: &&Place| {
                place.start.compare_exchange(0, start, Ordering::SeqCst, Ordering::SeqCst).is_ok()
            };
            let place = PLACES.iter().find(free);
            if let Some(place) = place {
                place.shrunk.store(false, Ordering::SeqCst);
                place.end.store(start + map.len(), Ordering::SeqCst);
            }
            Watch(place)
        }

        /// Has the file become shorter, and was what is gone read?
        pub fn has_shrunk(&self) -> bool {
            self.0.is_some_and(|place| place.shrunk.load(Ordering::SeqCst))
        }
    }

    impl Drop for Watch {
        fn drop(&mut self) {
            if let Some(place) = self.0 {
                place.end.store(0, Ordering::SeqCst);
                place.start.store(0, Ordering::SeqCst);
            }
        }
    }

    /// From now on bus errors come here first. Where that can't be had, they end the program as before.
    fn install() {
        // SAFETY: asks for a number.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let Some(page) = usize::try_from(page).ok().filter(|page| page.is_power_of_two()) else { return };
        PAGE.store(page, Ordering::SeqCst);
        let mut before = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a handler's description may be all zeros: no flags, no signals blocked.
        let mut ours: libc::sigaction = unsafe { MaybeUninit::zeroed().assume_init() };
        ours.sa_sigaction = take as extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void) as usize;
        ours.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        // SAFETY: the first description is whole, the second has room for one, and `take` does only what a handler may.
        unsafe {
            if libc::sigaction(libc::SIGBUS, null_mut(), before.as_mut_ptr()) == 0
                && BEFORE.set(before.assume_init()).is_ok()
            {
                libc::sigaction(libc::SIGBUS, &ours, null_mut());
            }
        }
    }

    /// Takes a bus error: system calls and atomics only.
    extern "C" fn take(_: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
        // SAFETY: the system hands a handler with `SA_SIGINFO` a description of the fault.
        let at = unsafe { (*info).si_addr() } as usize;
        let holds = |place: &&Place| {
            (place.start.load(Ordering::SeqCst)..place.end.load(Ordering::SeqCst)).contains(&at)
        };
        if let Some(place) = PLACES.iter().find(holds) {
            let from = at & !(PAGE.load(Ordering::SeqCst) - 1);
            let length = place.end.load(Ordering::SeqCst) - from;
            // What lies behind a page that is gone is gone too.
            // SAFETY: the addresses are those of a map that is read-only and watched, hence still there.
            let put = unsafe {
                let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED;
                libc::mmap(from as *mut c_void, length, libc::PROT_READ, flags, -1, 0)
            };
            if put != libc::MAP_FAILED {
                place.shrunk.store(true, Ordering::SeqCst);
                return;
            }
        }
        // Somebody else's: it comes again, to who had it before.
        if let Some(before) = BEFORE.get() {
            // SAFETY: as it was handed out.
            unsafe { libc::sigaction(libc::SIGBUS, before, null_mut()) };
        }
    }
}
