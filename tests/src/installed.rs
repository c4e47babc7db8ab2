//! Which programs there are on this machine.

use std::path::Path;

use crate::prerequisite::variable;

/// Whether a program is in the path.
pub(crate) fn installed(program: &str) -> bool {
    let path = variable("PATH").unwrap_or_default();
    // Administrators' programs, such as ip, are not in everybody's path.
    path.split(':').chain(["/usr/sbin", "/sbin"]).any(|folder| Path::new(folder).join(program).is_file())
}
