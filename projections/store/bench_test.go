package store_test

import (
	"context"
	"testing"

	"greffe/projections"
	"greffe/projections/projectionstest"
	"greffe/projections/store"
)

// BenchmarkRebuild folds a ledger in memory into a store on disk.
func BenchmarkRebuild(b *testing.B) {
	l := projectionstest.Mixed(b, 60_000)
	var bytes int
	for _, rec := range l.Records {
		bytes += len(rec.Payload)
	}
	s, err := store.Open(b.TempDir(), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Rebuild(context.Background(), l); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(l.Size())*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	b.ReportMetric(float64(bytes)/float64(l.Size()), "payload-bytes")
}

// BenchmarkRead reads an entry into a fact: what every core does during a rebuild.
func BenchmarkRead(b *testing.B) {
	l := projectionstest.Mixed(b, 1000)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		i = (i + 1) % 1000
		if f := projections.Read(l.Records[i]); f.Fault != "" {
			b.Fatal(f.Fault)
		}
	}
}

// BenchmarkRow reads one current row.
func BenchmarkRow(b *testing.B) {
	l := projectionstest.Mixed(b, 20_000)
	s, err := store.Open(b.TempDir(), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.Catchup(context.Background(), l); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		v, err := s.View()
		if err != nil {
			b.Fatal(err)
		}
		if _, ok, err := v.Row("processing-activities", "FR-007"); !ok || err != nil {
			b.Fatal(ok, err)
		}
		v.Close()
	}
}
