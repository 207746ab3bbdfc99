package main

import (
	"testing"

	"greffe/cmd/internal/clitest"
)

func TestMain(m *testing.M) {
	clitest.Main(m, "greffe-witness", main, "greffed", "greffe", "greffe-audit")
}

func TestScripts(t *testing.T) { clitest.RunScripts(t, "testdata/script") }
