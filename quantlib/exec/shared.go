package exec

import "sync"

// shared is a map that many workers read and that seldom grows. It is no sync.Map
// because that is generic underneath: every program in which the type of a session
// is reached would compile some forty functions of it anew, which is most of the
// time that compiling a notebook's cell takes.
type shared struct {
	mu sync.RWMutex
	m  map[any]any
}

func (s *shared) load(key any) (any, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	v, ok := s.m[key]
	return v, ok
}

// loadOrStore returns what is stored under key, which is v if nothing was.
func (s *shared) loadOrStore(key, v any) any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.m[key]; ok {
		return old
	}
	if s.m == nil {
		s.m = map[any]any{}
	}
	s.m[key] = v
	return v
}

// each calls f for all values, in no order; f does not store.
func (s *shared) each(f func(v any)) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, v := range s.m {
		f(v)
	}
}
