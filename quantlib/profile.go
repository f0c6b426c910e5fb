package quantlib

import (
	"bytes"
	"sync"

	"github.com/quantnb/quantnb/quantlib/hardware"
)

// views are a model under several profiles.
type views struct {
	opened *Model // under simulation
	mu     sync.Mutex
	list   map[string]*Model // by the profile as JSON
}

// For is the same network with quantizers where a device has them: its Map
// follows the rules and formats of the profile. Profiles that are equal give the
// same Model, however often it is asked for; nil and hardware.Simulation give the
// one that was opened. The profile may be changed afterwards: the Model keeps what
// it was. A profile that does not Validate is an error.
func (m *Model) For(p *hardware.Profile) (*Model, error) {
	rules, err := rulesOf(p)
	if err != nil {
		return nil, err
	}
	v := m.views
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.list == nil {
		simulation, err := rulesOf(hardware.Simulation())
		if err != nil {
			return nil, err
		}
		v.list = map[string]*Model{"": v.opened, simulation: v.opened}
	}
	if known := v.list[rules]; known != nil {
		return known, nil
	}
	own, err := hardware.Read(bytes.NewReader([]byte(rules)))
	if err != nil {
		return nil, err
	}
	c := *m
	c.profile, c.rules = own, rules
	c.prepare = sync.OnceValues(c.build)
	v.list[rules] = &c
	return &c, nil
}

// rulesOf is a profile as JSON, "" of nil.
func rulesOf(p *hardware.Profile) (string, error) {
	if p == nil {
		return "", nil
	}
	var b bytes.Buffer
	err := p.Write(&b)
	return b.String(), err
}
