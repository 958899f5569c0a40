//! How fast this machine reads memory: the limit of decoding, which reads every weight once a token.

use std::hint::black_box;
use std::time::Instant;

/// Bytes each thread reads at a time, far more than any cache holds.
const SIZE: usize = 256 << 20;

/// Bytes a second that `threads` threads read together; the best of five.
pub fn measure(threads: usize) -> f64 {
    let blocks: Vec<Vec<u64>> = (0..threads).map(|i| vec![i as u64 + 1; SIZE / 8]).collect();
    let mut best = 0f64;
    for _ in 0..5 {
        let start = Instant::now();
        std::thread::scope(|scope| {
            for block in &blocks {
                scope.spawn(|| {
                    let mut sums = [0u64; 32];
                    for chunk in block.chunks_exact(32) {
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
    best
}
