//! Every operation that is not one instruction, against plain arithmetic, on the lanes found here.

use super::*;

struct Check;

impl Kernel for Check {
    #[inline(always)]
    fn run<L: Lanes>(self) {
        let v: [f32; LANES] = std::array::from_fn(|lane| lane as f32 * 1.7 - 9.3);
        // SAFETY: arrays of whole vectors.
        unsafe {
            let loaded = L::load(v.as_ptr());
            assert_eq!(L::to_array(loaded), v);
            assert!((L::sum(loaded) - v.iter().sum::<f32>()).abs() < 1e-4);
            assert_eq!(L::largest(loaded), v[15]);
            assert_eq!(L::to_array(L::keep_from(loaded, loaded, L::splat(0.0))), v.map(|x| x.max(0.0)));
            let words: [[u8; 4]; LANES] = std::array::from_fn(|lane| [lane as u8, 200, 3, 90 + lane as u8]);
            let found = L::to_array(L::bits(words.as_ptr().cast(), 20, 0x3ff));
            assert_eq!(found, std::array::from_fn(|lane| (((90 + lane) << 4) & 0x3ff) as f32));
            let mut rows: [L::V; LANES] = std::array::from_fn(|row| {
                L::load(std::array::from_fn::<f32, LANES, _>(|lane| (row * 16 + lane) as f32).as_ptr())
            });
            L::transpose(&mut rows);
            for (row, found) in rows.into_iter().enumerate() {
                let expected: [f32; LANES] = std::array::from_fn(|lane| (lane * 16 + row) as f32);
                assert_eq!(L::to_array(found), expected);
            }
            for step in -1000..=880 {
                let x = step as f32 * 0.1;
                let (e, t) = (L::to_array(L::exp(L::splat(x)))[3], L::to_array(L::tanh(L::splat(x)))[5]);
                if x < -87.0 {
                    assert_eq!(e, 0.0);
                } else {
                    assert!((f64::from(e) / f64::from(x).exp() - 1.0).abs() < 3e-7, "exp {x}: {e}");
                }
                assert!((f64::from(t) - f64::from(x).tanh()).abs() < 3e-7, "tanh {x}: {t}");
            }
        }
    }
}

#[test]
fn operations_are_what_they_say() {
    run(Check);
    Check.run::<Portable>();
}

#[test]
fn what_is_no_number_stays_none() {
    struct Nan;
    impl Kernel for Nan {
        #[inline(always)]
        fn run<L: Lanes>(self) {
            // SAFETY: registers only.
            let e = unsafe { L::to_array(L::exp(L::splat(f32::NAN))) };
            assert!(e[0].is_nan());
        }
    }
    run(Nan);
    Nan.run::<Portable>();
}
