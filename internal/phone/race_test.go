//go:build race

package phone

// oneIn is how many numbers there are to each that is judged with the race detector,
// which makes it eight times as slow. Without it all are, and make test does both.
const oneIn = 8
