package main

import (
	"testing"

	"greffe/cmd/internal/clitest"
)

func TestMain(m *testing.M) {
	clitest.Main(m, "greffed", main, "greffe", "greffe-audit", "nats-server")
}

func TestScripts(t *testing.T) { clitest.RunScripts(t, "testdata/script") }
