package postgres

import "time"

// SetPoll sets how often a waiter looks that nobody wakes.
func (s *Store) SetPoll(d time.Duration) { s.poll = d }
