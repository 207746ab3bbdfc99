package ingest

import (
	"crypto/sha256"
	"errors"
	"sync"

	"greffe/events"
	"greffe/ledger"
)

func isDiverged(err error) bool { return errors.Is(err, ErrDiverged) }

// Decode turns a message into a draft, by the rules that are frozen with format
// version 1 (FORMAT.md): the topic is greffe.<ledger>.event.<publisher>.<type>; the
// data is at most 256 KiB of canonical JSON; the envelope's required attributes are
// well formed; its type is the topic's. What breaks them is quarantined, with its
// length and without its bytes. Nothing else is looked at: whether a type is known
// to this build is none of the chain's business.
func Decode(ledgerName string, epoch uint32, m *Message, c *events.Canonicalizer) ledger.Draft {
	d := ledger.Draft{Epoch: epoch, StreamSeq: m.Seq, At: m.At}
	name, publisher, eventType, ok := events.CutEventTopic(m.Topic)
	if !ok || name != ledgerName {
		return quarantined(d, m)
	}
	d.Publisher, d.Type = publisher, eventType
	if len(m.Data) > events.MaxPayload || !c.IsCanonical(m.Data) {
		return quarantined(d, m)
	}
	ev, err := events.ParseEnvelope(m.Data)
	if err != nil || ev.Type != eventType {
		return quarantined(d, m)
	}
	d.Aggregate, d.ID = ev.Aggregate, ev.ID.Bytes()
	d.ContentDigest, d.PayloadHash, d.Payload = ev.ContentDigest(m.Data), sha256.Sum256(m.Data), m.Data
	return d
}

// ContentDigest returns the digest by which a duplicate is told from a conflict of a
// payload that was entered: it is what the index of the ledger holds.
func ContentDigest(payload []byte) ([32]byte, error) {
	ev, err := events.ParseEnvelope(payload)
	if err != nil {
		return [32]byte{}, err
	}
	return ev.ContentDigest(payload), nil
}

func quarantined(d ledger.Draft, m *Message) ledger.Draft {
	d.Quarantined, d.Length = true, uint32(len(m.Data))
	return d
}

// A decoder decodes batches on all cores: messages do not depend on each other until
// they are chained.
type decoder struct {
	ledger  string
	workers []events.Canonicalizer
}

func newDecoder(ledgerName string, workers int) decoder {
	return decoder{ledger: ledgerName, workers: make([]events.Canonicalizer, max(1, workers))}
}

// parallelFrom is the batch size from which a second goroutine pays.
const parallelFrom = 64

func (d *decoder) decode(epoch uint32, messages []Message) []ledger.Draft {
	drafts := make([]ledger.Draft, len(messages))
	workers := len(d.workers)
	if len(messages) < parallelFrom {
		workers = 1
	}
	var wg sync.WaitGroup
	for w := range workers {
		from, to := w*len(messages)/workers, (w+1)*len(messages)/workers
		run := func() {
			for i := from; i < to; i++ {
				drafts[i] = Decode(d.ledger, epoch, &messages[i], &d.workers[w])
			}
		}
		if w == workers-1 {
			run()
			continue
		}
		wg.Go(run)
	}
	wg.Wait()
	return drafts
}
