package nb

import (
	"io"
	"os"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/comms"
	"github.com/janpfeifer/gonb/gonbui/protocol"
)

// link is what carries displays to the notebook.
type link interface {
	// live says whether the program runs in a notebook's cell.
	live() bool
	send(*protocol.DisplayData)
	// sync waits until the kernel has taken all that was sent.
	sync()
	// listen has f called with each text that the page sends to an address.
	listen(address string, f func(text string))
}

type kernel struct{}

func (kernel) live() bool                   { return gonbui.IsNotebook }
func (kernel) send(d *protocol.DisplayData) { gonbui.SendData(d) } // the pipe's one writer
func (kernel) sync()                        { gonbui.Sync() }
func (kernel) listen(address string, f func(string)) {
	comms.Subscribe(address, func(_, text string) { f(text) }) // to take it back would hang
}

// Tests replace these.
var (
	notebook link = kernel{}
	stdout        = func() io.Writer { return os.Stdout }
)

// InNotebook says whether the program runs in a notebook's cell, where Show
// draws, or elsewhere, where it prints.
func InNotebook() bool { return notebook.live() }

// deliver sends a bundle and waits until it has arrived; outside a notebook it
// prints the bundle's text.
func deliver(b bundle) {
	if !notebook.live() {
		text, _ := b.data["text/plain"].(string)
		if text != "" && text[len(text)-1] != '\n' {
			text += "\n"
		}
		io.WriteString(stdout(), text)
		return
	}
	notebook.send(b.message(""))
	notebook.sync()
}
