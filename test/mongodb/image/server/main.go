// Serves MongoDB's protocol over the PostgreSQL of this container, until SIGTERM.
package main

import (
	"context"
	"log"
	"os"
	"os/signal"
	"syscall"

	"github.com/FerretDB/FerretDB/v2/ferretdb"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	no := false
	server, err := ferretdb.New(&ferretdb.Config{
		PostgreSQLURL: "postgres://postgres@127.0.0.1:5432/postgres",
		ListenAddr:    "0.0.0.0:27017",
		StateDir:      "/var/lib/ferretdb",
		Telemetry:     &no,
	})
	if err != nil {
		log.Fatal(err)
	}
	server.Run(ctx)
}
