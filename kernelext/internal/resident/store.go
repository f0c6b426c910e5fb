package resident

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/quantnb/quantnb/quantlib"
)

// store is the studies that a host keeps, and their models. What was not used for
// longest goes when there is no room.
type store struct {
	limit  int64
	making chan struct{} // holds one while a study is made

	mu      sync.Mutex
	clock   int64
	studies map[string]*study
}

// study is a question that has been opened. It is read-only, and safe for
// concurrent use.
type study struct {
	key   string
	study *quantlib.Study
	probe *quantlib.Probe
	model *model
	bytes int64 // without the model

	holders int   // connections; the store's mutex guards these two
	used    int64 // by the store's clock
}

// model is shared by the studies about it.
type model struct {
	digest string
	model  *quantlib.Model
	bytes  int64
}

func newModel(digest string, data []byte) (*model, error) {
	m, err := quantlib.Decode(data)
	if err != nil {
		return nil, err
	}
	return &model{digest, m, modelBytes(len(data))}, nil
}

// modelBytes is what a model of a file of n bytes takes: the file, the network with
// what was folded, its packed weights, and the same two of a plan that is measured.
func modelBytes(n int) int64 { return 5 * int64(n) }

func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

func (k *store) init(limit int64) {
	k.limit, k.making, k.studies = limit, make(chan struct{}, 1), map[string]*study{}
}

// find holds the study of a key, nil if there is none.
func (k *store) find(key string) *study {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.studies[key]
	if s != nil {
		k.touch(s)
		s.holders++
	}
	return s
}

func (k *store) touch(s *study) {
	k.clock++
	s.used = k.clock
}

// release gives up what find or add has held; nil is nothing.
func (k *store) release(s *study) {
	if s == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	s.holders--
	k.touch(s)
}

// model is a model that a study has.
func (k *store) model(digest string) *model {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, s := range k.studies {
		if s.model.digest == digest {
			return s.model
		}
	}
	return nil
}

// room makes room for n bytes beside what is in use.
func (k *store) room(n int64) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.evict(n)
}

func (k *store) evict(n int64) error {
	gone := false
	for k.bytes()+n > k.limit {
		var oldest *study
		for _, s := range k.studies {
			if s.holders == 0 && (oldest == nil || s.used < oldest.used) {
				oldest = s
			}
		}
		if oldest == nil {
			return fmt.Errorf("resident: %d MB more are over the %d MB that the session may take, of which %d are in use; see %s",
				(n+1<<20-1)>>20, k.limit>>20, k.bytes()>>20, BytesVariable)
		}
		delete(k.studies, oldest.key)
		gone = true
	}
	if gone {
		go debug.FreeOSMemory()
	}
	return nil
}

// bytes is what the studies take, each model once.
func (k *store) bytes() (n int64) {
	models := map[*model]bool{}
	for _, s := range k.studies {
		if n += s.bytes; !models[s.model] {
			models[s.model] = true
			n += s.model.bytes
		}
	}
	return n
}

// add keeps a study and holds it.
func (k *store) add(s *study) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	n := s.bytes
	k.studies[s.key] = s // so that its model counts once, and may stay
	s.holders++
	k.touch(s)
	if err := k.evict(0); err != nil {
		delete(k.studies, s.key)
		return fmt.Errorf("%w (it takes %d MB beside its model)", err, n>>20)
	}
	return nil
}
