//! The binary `specfuse`; all of it is in the library, so that the tests can run the same program.

fn main() -> std::process::ExitCode {
    specfuse::main()
}
