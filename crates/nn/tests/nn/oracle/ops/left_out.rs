//! The operations of the folder that have no row, and why.

/// Name and reason. None is left; other folders of the same format may hold more.
pub(crate) const LEFT_OUT: [(&str, &str); 0] = [];
