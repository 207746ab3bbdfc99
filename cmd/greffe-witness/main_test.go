package main

import (
	"testing"

	"greffe/cmd/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "greffe-witness", main, "greffed", "greffe") }

func TestScripts(t *testing.T) { clitest.RunScripts(t, "testdata/script") }
