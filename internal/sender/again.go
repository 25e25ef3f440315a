package sender

import "context"

type againKey struct{}

// WithAgain is a context for Submit in which the provider may make another request
// for the same submission once leave says so: it waits for a slot, or refuses.
func WithAgain(ctx context.Context, leave func() bool) context.Context {
	return context.WithValue(ctx, againKey{}, leave)
}

// Again waits for leave to make another request for a submission that was refused
// before any sending, and says whether there is: a second request takes a slot of
// the pace like the first. Where nobody keeps a pace there always is.
func Again(ctx context.Context) bool {
	leave, ok := ctx.Value(againKey{}).(func() bool)
	return !ok || leave()
}
