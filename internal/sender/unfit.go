package sender

// An UnfitError means that a message does not fit the template that the provider
// has for it, or that this template may not be sent now. Asking again does not
// help; changing the message, or the template, does.
type UnfitError struct{ Err error }

// Error says what does not fit and what to change.
func (e *UnfitError) Error() string { return e.Err.Error() }

// Unwrap is what does not fit.
func (e *UnfitError) Unwrap() error { return e.Err }
