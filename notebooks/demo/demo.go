// Package demo carries a small trained network and the images to try it on,
// embedded in the program, so that a notebook needs no download.
//
// The network is a convolutional classifier of Fashion-MNIST with 51,746
// parameters. It holds what makes mixed precision interesting: depthwise
// convolutions, batch normalizations still to be folded, Relu and Clip(0, 6),
// two residual sums, a Concat of two branches, and squeeze and excitation. It
// was trained by train/train.py; train/train.log is the record of that run.
// Its top-1 accuracy and its outputs on 16 images are in reference.json.
//
// The model's input "input" is float32 [N, 1, 28, 28] and holds pixel/255 for
// pixels 0..255, where 0 is the background, and no other normalization;
// [Images.Float32] gives exactly that. Its output "logits" is
// float32 [N, 10], without softmax.
//
// Fashion-MNIST is © 2017 Zalando SE under the MIT licence; see
// LICENSE-data.md.
package demo

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// Classes are the names of the labels 0..9.
var Classes = [10]string{
	"t-shirt/top", "trouser", "pullover", "dress", "coat",
	"sandal", "shirt", "sneaker", "bag", "ankle boot",
}

//go:embed fashion.onnx
var model []byte

// Model returns the bytes of the ONNX file: opset 13, float32, batch size
// free. They are shared, not copied; the caller must not change them.
func Model() []byte { return model }

// ModelPath returns the path of a file that holds [Model], for callers that
// map a file. The first call writes it to the user's cache folder (see
// [os.UserCacheDir]) under a name with its SHA-256; later ones, in this
// process or another, find it there. A file there with other content is
// replaced.
//
// It is an error if there is no cache folder or it cannot be written to.
func ModelPath() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("demo: no folder to write the model to: %w", err)
	}
	sum := sha256.Sum256(model)
	path := filepath.Join(cache, "quantnb", "demo", "fashion-"+hex.EncodeToString(sum[:])+".onnx")
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, model) {
		return path, nil
	}
	if err := writeFile(path, model); err != nil {
		return "", fmt.Errorf("demo: writing the model: %w", err)
	}
	return path, nil
}

// writeFile makes path hold data: under a temporary name in the same folder,
// then renamed, so that no reader ever sees a part of it.
func writeFile(path string, data []byte) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails once it is renamed, as it should
	if _, err := f.Write(data); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
