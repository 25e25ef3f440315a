package e2e

// faultTag says that the programs are built with the points at which tests can
// stop them.
const faultTag = false
