use std::fs;

use half::{bf16, f16};
use safetensors::Dtype;
use safetensors::tensor::{TensorView, serialize_to_file};
use tempfile::TempDir;

use super::*;

fn write(path: &Path, name: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]) {
    let view = TensorView::new(dtype, shape.to_vec(), bytes).unwrap();
    serialize_to_file([(name, view)], None, path).unwrap();
}

fn folder() -> TempDir {
    let dir = TempDir::new().unwrap();
    let bytes: Vec<u8> = [1f32, 2.0, 3.0, 4.0, 5.0, 6.0].iter().flat_map(|x| x.to_le_bytes()).collect();
    write(&dir.path().join("model.safetensors"), "w", Dtype::F32, &[2, 3], &bytes);
    dir
}

fn open(dir: &TempDir) -> Result<Weights<'static>, LoadError> {
    Weights::open(dir.path(), &LoadOptions::default())
}

/// Beside an index the single file must be gone: it would go first.
fn index(dir: &TempDir, map: &Value) {
    let _ = fs::remove_file(dir.path().join("model.safetensors"));
    fs::write(dir.path().join("model.safetensors.index.json"), serde_json::json!({"weight_map": map}).to_string())
        .unwrap();
}

#[test]
fn halves_are_widened_exactly_and_counted() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("model.safetensors");
    let bytes: Vec<u8> = [1.5f32, -3.0].iter().flat_map(|x| bf16::from_f32(*x).to_le_bytes()).collect();
    write(&path, "w", Dtype::BF16, &[2], &bytes);
    let mut weights = open(&dir).unwrap();
    assert_eq!(weights.take("w", &[2], DType::F32).unwrap().to_vec1::<f32>().unwrap(), [1.5, -3.0]);
    assert_eq!(weights.parameters(), 2);
    let bytes: Vec<u8> = [0.25f32, 8.0].iter().flat_map(|x| f16::from_f32(*x).to_le_bytes()).collect();
    write(&path, "w", Dtype::F16, &[2], &bytes);
    assert_eq!(open(&dir).unwrap().take("w", &[2], DType::F32).unwrap().to_vec1::<f32>().unwrap(), [0.25, 8.0]);
}

#[test]
fn a_missing_tensor_is_named_with_the_shape_it_should_have() {
    let error = open(&folder()).unwrap().take("lm_head.weight", &[7, 3], DType::F32).unwrap_err();
    assert_eq!(error.to_string(), "the checkpoint has no tensor lm_head.weight (expected shape [7, 3])");
}

#[test]
fn a_wrong_shape_is_named_with_both() {
    let error = open(&folder()).unwrap().take("w", &[3, 2], DType::F32).unwrap_err();
    assert_eq!(error.to_string(), "tensor w has shape [2, 3], expected [3, 2]");
}

#[test]
fn an_element_type_that_is_no_float_is_named() {
    let dir = TempDir::new().unwrap();
    write(&dir.path().join("model.safetensors"), "w", Dtype::I8, &[4], &[1, 2, 3, 4]);
    let error = open(&dir).unwrap().take("w", &[4], DType::F32).unwrap_err();
    assert!(error.to_string().starts_with("tensor w has element type I8"), "{error}");
}

#[test]
fn a_truncated_an_empty_and_a_garbled_file_are_named() {
    for keep in [0, 4, 20, 90] {
        let dir = folder();
        let path = dir.path().join("model.safetensors");
        let whole = fs::read(&path).unwrap();
        assert!(keep < whole.len());
        fs::write(&path, &whole[..keep]).unwrap();
        let error = open(&dir).err().unwrap();
        assert!(matches!(&error, LoadError::Corrupt { path: named, .. } if *named == path), "{keep}: {error}");
        let cause = std::error::Error::source(&error).unwrap().to_string();
        assert!(!cause.contains("model.safetensors"), "{cause}");
    }
    let dir = folder();
    fs::write(dir.path().join("model.safetensors"), [0xff; 64]).unwrap();
    assert!(matches!(open(&dir).err().unwrap(), LoadError::Corrupt { .. }));
}

#[test]
fn a_folder_without_weights_says_what_it_should_have() {
    let message = open(&TempDir::new().unwrap()).err().unwrap().to_string();
    assert!(message.ends_with("has neither model.safetensors nor model.safetensors.index.json"), "{message}");
}

#[test]
fn a_single_file_goes_before_an_index() {
    let dir = folder();
    fs::write(dir.path().join("model.safetensors.index.json"), "{").unwrap();
    assert!(open(&dir).is_ok());
}

#[test]
fn shards_are_read_through_the_index() {
    let dir = folder();
    fs::rename(dir.path().join("model.safetensors"), dir.path().join("model-00001.safetensors")).unwrap();
    write(&dir.path().join("model-00002.safetensors"), "v", Dtype::F32, &[1], &7f32.to_le_bytes());
    index(&dir, &serde_json::json!({"w": "model-00001.safetensors", "v": "model-00002.safetensors"}));
    let mut weights = open(&dir).unwrap();
    weights.take("w", &[2, 3], DType::F32).unwrap();
    assert_eq!(weights.take("v", &[1], DType::F32).unwrap().to_vec1::<f32>().unwrap(), [7.0]);
    assert_eq!(weights.parameters(), 7);
}

#[test]
fn an_index_may_not_leave_the_folder() {
    for name in ["../model.safetensors", "/etc/passwd", "a/b.safetensors", "..", "a\\b", "", "."] {
        let dir = folder();
        index(&dir, &serde_json::json!({"w": name}));
        assert!(matches!(open(&dir).err().unwrap(), LoadError::ShardName { found } if found == name));
    }
}

#[test]
fn a_missing_shard_and_a_broken_index_are_named() {
    let dir = folder();
    index(&dir, &serde_json::json!({"w": "model-00009.safetensors"}));
    let error = open(&dir).err().unwrap();
    assert!(matches!(&error, LoadError::Read { path, .. } if path.ends_with("model-00009.safetensors")), "{error}");
    for broken in [serde_json::json!({"w": 3}), serde_json::json!({}), serde_json::json!([])] {
        index(&dir, &broken);
        assert!(matches!(open(&dir).err().unwrap(), LoadError::Index { .. }));
    }
    fs::write(dir.path().join("model.safetensors.index.json"), "{").unwrap();
    assert!(matches!(open(&dir).err().unwrap(), LoadError::Json { .. }));
}

fn kept(precision: Precision) -> Weights<'static> {
    Weights::random(&LoadOptions { precision, ..LoadOptions::default() })
}

#[test]
fn a_matrix_becomes_what_was_asked_for_in_whole_blocks_only() {
    let packed = Target::Packed;
    for (precision, stored, inputs, expected) in [
        (Precision::Stored, Format::F32, 7, packed(matrix::Format::F32)),
        (Precision::Stored, Format::F16, 7, packed(matrix::Format::F16)),
        (Precision::Stored, Format::Bf16, 7, packed(matrix::Format::Bf16)),
        (Precision::Stored, Format::Q8_0, 64, packed(matrix::Format::Q8_0)),
        (Precision::Stored, Format::Q4_0, 64, packed(matrix::Format::Q8_0)),
        (Precision::Stored, Format::Q5K, 256, packed(matrix::Format::F16)),
        (Precision::Stored, Format::Q6K, 256, packed(matrix::Format::Q6K)),
        (Precision::F32, Format::Q4K, 256, packed(matrix::Format::F32)),
        (Precision::F16, Format::Bf16, 7, packed(matrix::Format::F16)),
        (Precision::Bf16, Format::Q8_0, 64, packed(matrix::Format::Bf16)),
        (Precision::Q8_0, Format::F32, 64, packed(matrix::Format::Q8_0)),
        (Precision::Q8_0, Format::Q4K, 256, packed(matrix::Format::Q8_0)),
        (Precision::Q8_0, Format::F16, 172, packed(matrix::Format::F16)),
        (Precision::Q4K, Format::Bf16, 512, packed(matrix::Format::Q4K)),
        (Precision::Q4K, Format::Q5_0, 512, packed(matrix::Format::Q4K)),
        (Precision::Q4K, Format::F32, 96, packed(matrix::Format::Q8_0)),
        (Precision::Q4K, Format::F32, 172, packed(matrix::Format::F32)),
    ] {
        assert_eq!(kept(precision).target(stored, inputs), expected, "{precision:?} of {stored:?} with {inputs}");
    }
}

#[test]
fn parts_that_become_the_same_are_laid_together() {
    let dir = TempDir::new().unwrap();
    let rows = |dtype| TensorView::new(dtype, vec![1, 2], &[0; 8][..2 * dtype.bitsize() / 8]).unwrap();
    let tensors = [("q.weight", rows(Dtype::BF16)), ("k.weight", rows(Dtype::BF16)), ("v.weight", rows(Dtype::F32))];
    serialize_to_file(tensors, None, &dir.path().join("model.safetensors")).unwrap();
    let parts = ["q", "k", "v"].map(|name| Part { name: name.to_owned(), rows: 1 });
    for (precision, expected) in [(Precision::Stored, &[2, 1][..]), (Precision::F32, &[3])] {
        let weights = Weights::open(dir.path(), &LoadOptions { precision, ..LoadOptions::default() }).unwrap();
        let runs: Vec<_> = weights.alike(&parts, 2).unwrap().iter().map(|(_, parts)| parts.len()).collect();
        assert_eq!(runs, expected, "{precision:?}");
    }
}

#[test]
fn a_checkpoint_is_of_the_type_that_most_of_its_weights_have() {
    let of = |tensors: &[(&str, Dtype, usize)]| {
        let dir = TempDir::new().unwrap();
        let view = |dtype: Dtype, count| TensorView::new(dtype, vec![count], &[0; 64][..count * dtype.bitsize() / 8]);
        let views = tensors.iter().map(|(name, dtype, count)| (*name, view(*dtype, *count).unwrap()));
        serialize_to_file(views, None, &dir.path().join("model.safetensors")).unwrap();
        Shards::open(dir.path()).unwrap().dtype()
    };
    assert_eq!(of(&[("w", Dtype::BF16, 3), ("v", Dtype::F32, 2)]), DType::BF16);
    assert_eq!(of(&[("w", Dtype::BF16, 2), ("v", Dtype::F16, 3)]), DType::F16);
    // Elements count, not tensors, and only those of types that are computed with.
    assert_eq!(
        of(&[("w", Dtype::BF16, 1), ("v", Dtype::BF16, 1), ("u", Dtype::F32, 3), ("t", Dtype::I8, 9)]),
        DType::F32
    );
}
