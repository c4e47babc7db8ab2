use specfuse_kernels::matrix::*;
use std::time::Instant;
fn main() {
    let a: Vec<usize> = std::env::args().skip(1).map(|x| x.parse().unwrap()).collect();
    let (n, k) = (a[0], a[1]);
    rayon::ThreadPoolBuilder::new().num_threads(a[2]).build_global().unwrap();
    for f in [Format::Bf16, Format::Q8_0] {
        let t = Instant::now();
        let row: Vec<f32> = (0..k).map(|i| ((i * 7919) % 113) as f32 / 56.0 - 1.0).collect();
        let copies = (1usize << 30) / (n * k * 2) + 1;
        let ms: Vec<Matrix> =
            (0..copies).map(|_| Matrix::pack(f, n, k, |_| Row::Widened(row.clone()), |_| ()).unwrap()).collect();
        let bytes: usize = ms.iter().map(|m| m.bytes()).sum();
        println!("{f:?} packed {} MB in {:.2}s", bytes >> 20, t.elapsed().as_secs_f64());
        for rows in [1, 2, 4, 8, 16, 50, 256] {
            let x: Vec<f32> = (0..rows * k).map(|i| ((i * 31) % 97) as f32 / 48.0 - 1.0).collect();
            let reps = if rows > 40 { copies.min(8) } else { copies };
            let mut best = f64::MAX;
            let mut all = vec![];
            for _ in 0..3 {
                let t = Instant::now();
                rayon::scope(|_| {
                    for m in &ms[..reps] {
                        std::hint::black_box(m.product(&x, rows, None));
                    }
                });
                let e = t.elapsed().as_secs_f64();
                best = best.min(e);
                all.push(e);
            }
            let fl = 2.0 * (n * k * rows * reps) as f64;
            println!(
                "  rows {rows:4}: {:7.3} ms/matrix {:6.1} GB/s {:7.1} GFLOP/s",
                best * 1e3 / reps as f64,
                (bytes * reps / copies) as f64 / best / 1e9,
                fl / best / 1e9
            );
        }
    }
}
