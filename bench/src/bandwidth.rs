//! How fast this machine reads memory: the limit of decoding, which reads every weight once a token.

use memmap2::MmapMut;
use std::hint::black_box;
use std::time::Instant;

/// Bytes each thread reads at a time, far more than any cache holds.
const SIZE: usize = 256 << 20;

/// Memory of [`SIZE`] bytes that is there, in huge pages where the system has them.
fn block(fill: u8) -> std::io::Result<MmapMut> {
    let mut block = MmapMut::map_anon(SIZE)?;
    #[cfg(target_os = "linux")]
    block.advise(memmap2::Advice::HugePage)?;
    block.fill(fill);
    Ok(block)
}

/// Bytes a second that `threads` threads read together; the best of five.
///
/// # Errors
/// The system has no memory for it.
pub fn measure(threads: usize) -> std::io::Result<f64> {
    let blocks = (0..threads).map(|i| block(i as u8 + 1)).collect::<Result<Vec<_>, _>>()?;
    let mut best = 0f64;
    for _ in 0..5 {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for block in &blocks {
                scope.spawn(|| {
                    // SAFETY: every bit pattern is a number; a mapping begins at a page.
                    let (_, words, _) = unsafe { block.align_to::<u64>() };
                    let mut sums = [0u64; 32];
                    for chunk in words.chunks_exact(32) {
                        for (sum, value) in sums.iter_mut().zip(chunk) {
                            *sum ^= value;
                        }
                    }
                    black_box(sums)
                });
            }
        });
        best = best.max((threads * SIZE) as f64 / start.elapsed().as_secs_f64());
    }
    Ok(best)
}
