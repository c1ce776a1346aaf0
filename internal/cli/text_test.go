package cli

import (
	"testing"

	"github.com/sftoken/sftoken/internal/message"
)

func TestTexts(t *testing.T) { message.Check(t, texts) }
