// Package e2e holds the tests that run the real programs: real processes, a
// real redis-server and real files, on 127.0.0.1. The judge in them is the
// sandbox's own log, compared with the ledger and the export; the ledger is
// never compared with itself.
package e2e
