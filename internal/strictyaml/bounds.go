package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/goccy/go-yaml/scanner"
	"github.com/goccy/go-yaml/token"
)

// What a file may have. The parser takes time and memory by the square of some
// of these, and of nesting without end: they are looked at before it sees a file.
const (
	maxBytes  = 512 << 10 // of the file
	maxTokens = 60_000    // words, brackets, colons and so on: some 1200 senders
	maxDepth  = 32        // groups and lists in each other; a campaign file has 8
	maxKeys   = 2_000     // of one group
	// maxUnclosed is of a rough look ahead of the scanner, which makes some hundred
	// bytes of each bracket: quotes are not heeded, so it leaves room.
	maxUnclosed = 1_000
)

var (
	errTooLong   = fmt.Errorf("it is longer than %d bytes, and no such file needs to be", maxBytes)
	errNeverOpen = errors.New("a ] or } closes what was never opened")
	errTooDeep   = fmt.Errorf("groups and lists are nested more than %d deep, and no such file needs that", maxDepth)
	errTooMany   = fmt.Errorf("it has more than %d words and signs, and no such file needs as many", maxTokens)
)

// ReadFile reads a file that Parse is to take, and never more of it than that.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := Read(f)
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return data, err
}

// Read is ReadFile for what is no file.
func Read(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err == nil && len(data) > maxBytes {
		err = errTooLong
	}
	return data, err
}

// bounded refuses what is too much for the parser, with the line where it gets so.
func bounded(data []byte) (line int, err error) {
	if len(data) > maxBytes {
		return 1, errTooLong
	}
	if n, err := tooMuch(data); err != nil {
		return 1 + bytes.Count(data[:n], []byte("\n")), err
	}
	var (
		s scanner.Scanner
		b bounds
	)
	s.Init(string(data))
	for {
		tokens, err := s.Scan()
		if errors.Is(err, io.EOF) {
			return 0, nil
		}
		// What is no token is the parser's to name.
		for _, t := range tokens {
			if err := b.add(t); err != nil {
				return t.Position.Line, err
			}
		}
	}
}

// tooMuch is where more brackets are open or closed, or more brackets and commas
// there, than any file has.
func tooMuch(data []byte) (at int, err error) {
	open, signs := 0, 0
	for i, c := range data {
		switch c {
		case '[', '{':
			open++
		case ']', '}':
			open--
		case ',':
		default:
			continue
		}
		switch signs++; {
		case open > maxUnclosed:
			return i, errTooDeep
		case open < -maxUnclosed:
			return i, errNeverOpen
		case signs > maxTokens:
			return i, errTooMany
		}
	}
	return 0, nil
}

// bounds are how far a file has got.
type bounds struct {
	tokens int
	flow   int     // brackets that are open
	open   []group // the groups and lists outside of brackets
	before *token.Token
}

// A group has its keys at one column, and a list its elements.
type group struct {
	column, keys int
	list         bool
}

func (b *bounds) add(t *token.Token) error {
	if b.tokens++; b.tokens > maxTokens {
		return errTooMany
	}
	switch t.Type {
	case token.SequenceStartType, token.MappingStartType:
		b.flow++
	case token.SequenceEndType, token.MappingEndType:
		if b.flow--; b.flow < 0 {
			return errNeverOpen
		}
	case token.SequenceEntryType:
		b.enter(t.Position.Column, true)
	case token.MappingKeyType:
		b.enter(t.Position.Column, false)
	case token.MappingValueType:
		if b.before != nil && b.flow == 0 {
			b.enter(b.before.Position.Column, false)
		}
	case token.DocumentHeaderType:
		b.open = b.open[:0]
	default:
	}
	b.before = t
	switch {
	case b.flow+len(b.open) > maxDepth:
		return errTooDeep
	case b.flow == 0 && len(b.open) > 0 && b.open[len(b.open)-1].keys > maxKeys:
		return fmt.Errorf("a group or list has more than %d members", maxKeys)
	}
	return nil
}

// enter notes a key or an element at a column, which ends what stood further
// right; a key ends the list of the key before it, which may stand below that.
func (b *bounds) enter(column int, list bool) {
	n := len(b.open)
	for n > 0 && (b.open[n-1].column > column || b.open[n-1].column == column && b.open[n-1].list && !list) {
		n--
	}
	b.open = b.open[:n]
	if n > 0 && b.open[n-1].column == column && b.open[n-1].list == list {
		b.open[n-1].keys++
		return
	}
	b.open = append(b.open, group{column: column, keys: 1, list: list})
}
