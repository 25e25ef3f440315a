package redistest

import (
	"os"
	"testing"
)

// A Snapshot is an RDB file of a server, as a backup keeps it.
type Snapshot []byte

// Save has the server write a snapshot, and returns it.
func (s *Server) Save(t testing.TB) Snapshot {
	t.Helper()
	if err := s.Client(t).Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(s.dir + "/dump.rdb")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Restore starts a killed server with a snapshot in place of what it had, as an
// operator does: without AOF first, which would be read instead.
func (s *Server) Restore(t testing.TB, from Snapshot) {
	t.Helper()
	if err := os.RemoveAll(s.dir + "/appendonlydir"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.dir+"/dump.rdb", from, 0o600); err != nil {
		t.Fatal(err)
	}
	args := s.args
	s.args = append(args[:len(args):len(args)], "--appendonly", "no")
	s.Start(t)
	s.args = args
	if err := s.Client(t).ConfigSet(t.Context(), "appendonly", "yes").Err(); err != nil {
		t.Fatal(err)
	}
}
