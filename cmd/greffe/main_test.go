package main

import (
	"testing"

	"greffe/cmd/internal/clitest"
)

func TestMain(m *testing.M) { clitest.Main(m, "greffe", main, "greffed", "greffe-audit") }

func TestScripts(t *testing.T) { clitest.RunScripts(t, "testdata/script") }
