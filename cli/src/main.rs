//! The binary `specfuse`; all of it is in the library, so that the tests can run the same program.

/// A step's results come and go by the megabyte: this one keeps their pages, where the system's gives them back each time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    specfuse::main()
}
