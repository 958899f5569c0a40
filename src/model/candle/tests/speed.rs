//! temporary
use super::reference::{decoder, prompt_rows};
use super::super::decoder::Row;
use super::super::attention::Place;
use super::super::cache::View;

fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    s.split(' ').next().unwrap().parse::<f64>().unwrap() * 1e-9
}
struct Instant(f64);
impl Instant {
    fn now() -> Self { Instant(cpu()) }
    fn elapsed(&self) -> std::time::Duration { std::time::Duration::from_secs_f64(cpu() - self.0) }
}

#[test]
#[ignore]
fn speed() {
    let path = std::path::PathBuf::from(std::env::var("SPEED_GGUF").unwrap());
    let threads: usize = std::env::var("SPEED_T").map_or(2, |t| t.parse().unwrap());
    let t = Instant::now();
    let mut d = decoder(&path, threads);
    println!("load {:?}", t.elapsed());
    let mut cache = d.new_cache(2048);
    let tokens: Vec<u32> = (0..256).map(|i| (i * 97 + 13) % 40000).collect();
    let mut logits = Vec::new();
    d.forward(&mut cache, &prompt_rows(&tokens[..2], 0), &[0], &mut logits);
    for round in 0..3 {
        let t = Instant::now();
        for part in 0..2 {
            d.forward(&mut cache, &prompt_rows(&tokens[part * 128..part * 128 + 128], part * 128), &[127], &mut logits);
        }
        let prefill = 256.0 / t.elapsed().as_secs_f64();
        let mut best = f64::MAX;
        let n = 32;
        let t = Instant::now();
        for i in 0..n {
            let t = Instant::now();
            d.forward(&mut cache, &prompt_rows(&[tokens[i]], 256 + i), &[0], &mut logits);
            best = best.min(t.elapsed().as_secs_f64());
        }
        let decode = n as f64 / t.elapsed().as_secs_f64();
        let t = Instant::now();
        for i in 0..n {
            let rows: Vec<Row> = (0..4).map(|b| Row { token: tokens[b * 7 + i], position: 256 + i, place: Place { slot: 300 + b * 100 + i, view: View { prefix: 256, tail: 300 + b * 100 } } }).collect();
            d.forward(&mut cache, &rows, &[0, 1, 2, 3], &mut logits);
        }
        let four = 4.0 * n as f64 / t.elapsed().as_secs_f64();
        println!("round {round}: prefill {prefill:.1} decode {decode:.1} (best {:.1}) batch4 {four:.1}", 1.0 / best);
    }
}
