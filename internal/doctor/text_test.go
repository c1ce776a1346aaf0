package doctor

import (
	"testing"

	"github.com/sftoken/sftoken/internal/message"
)

func TestTexts(t *testing.T) {
	t.Parallel()
	message.Check(t, textFiles)
}
