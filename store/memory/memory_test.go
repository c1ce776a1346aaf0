package memory_test

import (
	"testing"

	"github.com/sftoken/sftoken/store"
	"github.com/sftoken/sftoken/store/memory"
	"github.com/sftoken/sftoken/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) store.Store { return memory.New() })
}
