//! `specfuse` itself, built here so that the integration tests know where it is.

fn main() -> std::process::ExitCode {
    specfuse::main()
}
