package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strings"
)

const body = "THE-ANSWER"

// A server without net/http, which takes a Dockerfile most of a minute to compile again and again.
func serve(connection net.Conn) {
	defer connection.Close()
	request := bufio.NewReader(connection)
	for {
		line, err := request.ReadString('\n')
		if err != nil || strings.TrimSpace(line) == "" {
			break
		}
	}
	fmt.Fprintf(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func main() {
	listener, err := net.Listen("tcp", ":"+os.Getenv("PORT"))
	if err != nil {
		panic(err)
	}
	for {
		connection, err := listener.Accept()
		if err != nil {
			panic(err)
		}
		go serve(connection)
	}
}
