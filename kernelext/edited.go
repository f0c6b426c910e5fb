package nb

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/janpfeifer/gonb/gonbui/protocol"

	"github.com/quantnb/quantnb/quantlib"
)

// ErrNotEdited is what Edited returns where no plan was taken over.
var ErrNotEdited = errors.New("nb: no plan of this network was taken over in this notebook: press “Take over” under nb.Interact, or call nb.TakeOver")

// Edited is the plan that was last taken over in this notebook for the study's
// network: by a button under [Interact], or by [TakeOver]. It is an error that is
// ErrNotEdited where there is none.
//
// A cell is a program of its own, and variables do not outlive it; a plan that
// was taken over does, until the kernel ends. To keep it longer, write
// json.Marshal(plan) to a file.
func Edited(s *quantlib.Study) (quantlib.Plan, error) {
	if s == nil || s.Model == nil {
		return quantlib.Plan{}, errors.New("nb: Edited of a study without a model")
	}
	m, err := s.Map()
	if err != nil {
		return quantlib.Plan{}, err
	}
	path, err := editedPath(m.Float())
	if err != nil {
		return quantlib.Plan{}, err
	}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return quantlib.Plan{}, ErrNotEdited
	}
	if err != nil {
		return quantlib.Plan{}, fmt.Errorf("nb: %w", err)
	}
	return m.ReadPlan(data)
}

// TakeOver makes p the plan that [Edited] gives to later cells. It is an error
// outside a notebook, where there are no later cells.
func TakeOver(p quantlib.Plan) error {
	if p.Map() == nil {
		return errors.New("nb: TakeOver of a plan of no network")
	}
	path, err := editedPath(p.Map().Float())
	if err != nil {
		return err
	}
	data, err := p.MarshalJSON()
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".plan-*")
	if err != nil {
		return fmt.Errorf("nb: %w", err)
	}
	defer os.Remove(tmp.Name()) // fails once it is renamed, as it should
	_, err = tmp.Write(data)
	if err = errors.Join(err, tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), path)
	}
	if err != nil {
		return fmt.Errorf("nb: %w", err)
	}
	return nil
}

// editedPath is the file of the taken-over plan, in the kernel's own temporary
// folder, which goes when the kernel goes. Its name tells networks apart by
// their layers and profile.
func editedPath(float quantlib.Plan) (string, error) {
	dir := os.Getenv(protocol.GONB_TMP_DIR_ENV)
	if dir == "" {
		return "", errors.New("nb: plans are taken over from cell to cell of a notebook; there is none here")
	}
	data, err := float.MarshalJSON()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return filepath.Join(dir, "quantnb-plan-"+hex.EncodeToString(sum[:12])+".json"), nil
}
