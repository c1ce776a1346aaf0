package refresh

import "time"

// The steps at which tests look at the store or end a process.
var Steps = []string{string(stepLeased), string(stepLooked), string(stepMarked), string(stepAnswered), string(stepSaved)}

// OnStep calls f in the flight's goroutine at each step.
func (e *Engine) OnStep(f func(string)) { e.onStep = func(s step) { f(string(s)) } }

// SetClock replaces the wall clock.
func (e *Engine) SetClock(now func() time.Time) { e.now = now }

// Rest waits for the flights under way.
func (e *Engine) Rest() { e.flights.Wait() }
