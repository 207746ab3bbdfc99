package chaintest

import (
	"crypto/sha256"
	"runtime"
	"sync"
	"time"
)

// SHA256PerSecond returns how many digests of size bytes the cores in use make in a
// second: what bounds every verification, measured in the same run.
func SHA256PerSecond(size int) float64 {
	const each = 300_000
	var cores sync.WaitGroup
	start := time.Now()
	for range runtime.GOMAXPROCS(0) {
		cores.Go(func() {
			payload := make([]byte, size)
			for range each {
				payload[0] ^= sha256.Sum256(payload)[0]
			}
		})
	}
	cores.Wait()
	return each * float64(runtime.GOMAXPROCS(0)) / time.Since(start).Seconds()
}
