// The DTM server without its discovery drivers and its admin proxy: the same server packages, pinned by go.sum.
package main

import (
	"os"
	"os/signal"
	"syscall"

	"github.com/dtm-labs/dtm/dtmsvr/entry"
)

var version = "v1.19.0"

func main() {
	app, _ := entry.Main(&version)
	if app == nil {
		return // a flag that only prints something
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGINT, syscall.SIGTERM)
	<-end
}
