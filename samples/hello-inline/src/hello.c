/* A web server in a page of C: answers every request on $PORT with a greeting. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static const char greeting[] = "Hello from an app that brings its own buildpack!\n";

static int listen_on(unsigned short port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_ANY)}};
  int reuse = 1, server = socket(AF_INET, SOCK_STREAM, 0);
  if (server < 0 || setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) < 0 ||
      bind(server, (struct sockaddr *)&address, sizeof address) < 0 || listen(server, 64) < 0) {
    perror("hello: cannot listen");
    exit(1);
  }
  return server;
}

/* Reads up to the empty line that ends a request's head, or as much as fits. */
static void read_head(int client) {
  char head[8192];
  size_t length = 0;
  ssize_t count;
  while (length < sizeof head - 1 && (count = read(client, head + length, sizeof head - 1 - length)) > 0) {
    length += (size_t)count;
    head[length] = '\0';
    if (strstr(head, "\r\n\r\n")) return;
  }
}

static void answer(int client) {
  /* a client that sends nothing must not delay the others */
  struct timeval timeout = {.tv_sec = 5};
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  read_head(client);
  dprintf(client, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %zu\r\nConnection: close\r\n\r\n%s",
          sizeof greeting - 1, greeting);
  close(client);
}

/* the first process of a container ignores SIGTERM unless it says otherwise */
static void stop(int signal) {
  (void)signal;
  _exit(0);
}

int main(void) {
  const char *port = getenv("PORT");
  int server = listen_on((unsigned short)(port ? atoi(port) : 3000));
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, stop);
  printf("hello listens on port %s\n", port ? port : "3000");
  fflush(stdout);
  for (;;) {
    int client = accept(server, NULL, NULL);
    if (client >= 0) answer(client);
  }
}
