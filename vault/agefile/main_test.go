package agefile

import (
	"os"
	"testing"

	"kitekey/vault/storetest"
)

func TestMain(m *testing.M) {
	storetest.Short()
	os.Exit(m.Run())
}
