package quantlib

import (
	"reflect"
	"strings"
	"testing"
)

// TestNoGenericMapInTheTypesOfACell holds the types that a cell meets to reaching no
// sync.Map: the compiler makes the methods of the generic map underneath anew for
// every program that reads its type, which is three quarters of the time that
// compiling a small cell takes.
func TestNoGenericMapInTheTypesOfACell(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var walk func(x reflect.Type, path string)
	walk = func(x reflect.Type, path string) {
		if seen[x] {
			return
		}
		seen[x] = true
		if name := x.String(); name == "sync.Map" || strings.Contains(name, "HashTrieMap") {
			t.Errorf("%s is a %s", path, name)
		}
		switch x.Kind() {
		case reflect.Struct:
			for i := range x.NumField() {
				walk(x.Field(i).Type, path+"."+x.Field(i).Name)
			}
		case reflect.Map:
			walk(x.Key(), path)
			walk(x.Elem(), path)
		case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Chan:
			walk(x.Elem(), path)
		case reflect.Func:
			for i := range x.NumIn() {
				walk(x.In(i), path)
			}
			for i := range x.NumOut() {
				walk(x.Out(i), path)
			}
		}
	}
	for _, x := range []reflect.Type{reflect.TypeFor[Study](), reflect.TypeFor[Probe](), reflect.TypeFor[Model](), reflect.TypeFor[parts]()} {
		walk(x, x.Name())
		for i := range x.NumMethod() {
			walk(x.Method(i).Type, x.Name()+"."+x.Method(i).Name)
		}
		for p, i := reflect.PointerTo(x), 0; i < p.NumMethod(); i++ {
			walk(p.Method(i).Type, x.Name()+"."+p.Method(i).Name)
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d types were looked at", len(seen))
	}
}
